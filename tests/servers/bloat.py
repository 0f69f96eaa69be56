"""Answers with lines as long as asked, to stdout or (without any newline) to stderr."""

from __future__ import annotations

import sys

from speaking import Json, Server, text, tool, write

SIZE = {"type": "object", "properties": {"size": {"type": "integer"}}}


def main() -> None:
    """Run."""
    server = Server("bloat")

    def big(arguments: Json, _request: Json) -> Json:
        return text("x" * int(arguments.get("size", 1000)))

    def big_noise(arguments: Json, _request: Json) -> Json:
        write(b"y" * int(arguments.get("size", 1000)) + b"\n")
        return text("after the noise")

    def flood(arguments: Json, _request: Json) -> Json:
        left = int(arguments.get("size", 1000))
        while left > 0:
            sys.stderr.write("z" * min(left, 65536))
            left -= 65536
        sys.stderr.flush()
        return text("flooded")

    server.add(tool("big", "A result of this size.", SIZE), big)
    server.add(tool("big_noise", "A line of this size that is no message, then an answer.", SIZE), big_noise)
    server.add(tool("flood", "This much on stderr, without newlines.", SIZE), flood)
    server.run()


if __name__ == "__main__":
    main()
