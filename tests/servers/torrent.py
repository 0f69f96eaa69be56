"""Pours short lines that are no messages on stdout, as fast as the pipe takes them: at start, or when called."""

from __future__ import annotations

import argparse
import os

from speaking import Json, Server, text, tool

LINES = {"words": b"x\n", "json": b"{}\n", "blank": b"\n"}


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--at", choices=("start", "call"), default="call")
    parser.add_argument("--line", choices=tuple(LINES), default="words")
    options = parser.parse_args()

    def pour() -> None:
        line = LINES[options.line]
        block = line * (65536 // len(line))
        while True:
            os.write(1, block)

    if options.at == "start":
        pour()
    server = Server("torrent")

    def poured(_arguments: Json, _request: Json) -> Json:
        pour()
        return text("never")

    server.add(tool("pour", "Never ends."), poured)
    server.add(tool("echo"), lambda arguments, _: text(str(arguments.get("text", ""))))
    server.run()


if __name__ == "__main__":
    main()
