"""Asks of its client more than it reads the answers to: from the tool `ask` on, pings without an end or a pause."""

from __future__ import annotations

import itertools

from speaking import Json, Server, text, tool, write

LONG = "x" * 1000
TALK_BYTES = 256 * 1024 * 1024


def ask(_arguments: Json, _request: Json) -> Json:
    """So much at most; whoever listens to all of it would have to answer as much."""
    for number in itertools.takewhile(lambda number: number * len(LONG) < TALK_BYTES, itertools.count()):
        write(b'{"jsonrpc":"2.0","id":"%d-%s","method":"ping"}\n' % (number, LONG.encode()))
    return text("asked")


def main() -> None:
    """Run."""
    server = Server("asker")
    server.add(tool("ask"), ask)
    server.run()


if __name__ == "__main__":
    main()
