"""Ends at once while the file FILE exists (status 3), and serves when it does not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from speaking import Server, text, tool


def main() -> None:
    """Run."""
    if Path(sys.argv[1]).exists():
        print("moody: not today", file=sys.stderr, flush=True)
        sys.exit(3)
    server = Server("moody")
    server.add(tool("pid"), lambda _, __: text(str(os.getpid())))
    server.add(tool("echo"), lambda args, _: text(str(args.get("text", ""))))
    server.run()


if __name__ == "__main__":
    main()
