"""Forks: without end (but for a fuse of its own, and an alarm), or so many that each hold so much; each a tool."""

from __future__ import annotations

import contextlib
import os
import signal

from speaking import Json, Server, text, tool

FUSE = 400
"""Never more processes than this: a gateway that is broken must not take the machine with it."""

ALARM_S = 60
BOMB = {"type": "object", "properties": {"fuse": {"type": "integer"}, "setsid": {"type": "boolean"}}}
FAMILY = {
    "type": "object",
    "properties": {"count": {"type": "integer"}, "mib": {"type": "integer"}, "stay": {"type": "boolean"}},
}


def bomb(arguments: Json, _request: Json) -> Json:
    """Fork, and let each child do the same; with setsid each leaves for a session of its own."""
    fuse, leaves = min(FUSE, int(arguments.get("fuse", FUSE))), bool(arguments.get("setsid"))
    tokens, filled = os.pipe()  # one byte each: taken by one process alone, however many want it
    os.write(filled, b"." * fuse)
    os.set_blocking(tokens, False)
    with contextlib.suppress(BlockingIOError):
        while os.read(tokens, 1):
            if os.fork() == 0:
                signal.alarm(ALARM_S)
                if leaves:
                    os.setsid()
    signal.pause()
    return text("defused")


def family(arguments: Json, _request: Json) -> Json:
    """So many children that each hold so many MiB of their own; with stay it does not answer."""
    for _ in range(int(arguments.get("count", 1))):
        ready_r, ready_w = os.pipe()
        if os.fork() == 0:
            signal.alarm(ALARM_S)
            held = b"\x01" * (int(arguments.get("mib", 1)) << 20)
            os.write(ready_w, b"r")
            signal.pause()
            os._exit(len(held) & 1)
        os.read(ready_r, 1)
        os.close(ready_r)
        os.close(ready_w)
    if arguments.get("stay"):
        signal.pause()
    return text("born")


def main() -> None:
    """Run."""
    server = Server("forker")
    server.add(tool("bomb", bomb.__doc__ or "", BOMB), bomb)
    server.add(tool("family", family.__doc__ or "", FAMILY), family)
    server.add(tool("echo"), lambda args, _: text(str(args.get("text", ""))))
    server.run()


if __name__ == "__main__":
    main()
