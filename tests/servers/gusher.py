"""Floods stderr: `size` bytes in lines of `line` bytes (0: no newline); `--secret NAME` prints a variable first."""

from __future__ import annotations

import argparse
import os
import sys

from speaking import Json, Server, text, tool

FLOOD = {"type": "object", "properties": {"size": {"type": "integer"}, "line": {"type": "integer"}}}
BLOCK = 1 << 20


def block(line: int) -> bytes:
    """A mebibyte of lines."""
    if line <= 0:
        return b"z" * BLOCK
    return (b"z" * (line - 1) + b"\n") * (BLOCK // line)


def pour(data: bytes, size: int) -> None:
    """Write that much to stderr, past all buffers."""
    left = size
    while left > 0:
        left -= os.write(2, data[:left])


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--secret", default="", help="the name of a variable whose value is printed")
    options = parser.parse_args()
    if options.secret:
        print(f"my key is {os.environ[options.secret]}, tell nobody", file=sys.stderr, flush=True)
    server = Server("gusher")

    def flood(arguments: Json, _request: Json) -> Json:
        pour(block(int(arguments.get("line", 0))), int(arguments.get("size", BLOCK)))
        return text("flooded")

    server.add(tool("flood", "Writes this much to stderr.", FLOOD), flood)
    server.add(tool("echo"), lambda args, _: text(str(args.get("text", ""))))
    server.run()


if __name__ == "__main__":
    main()
