"""Leaves descendants: one in its group, one in a session of its own, one forked twice; the tool `pids` names them."""

from __future__ import annotations

import os
import signal

from speaking import Server, text, tool


def sit() -> None:
    """Stay until killed; nothing else ends it."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        signal.pause()


def plain() -> int:
    """A child in our own process group, which holds our pipes."""
    pid = os.fork()
    if pid == 0:
        sit()
    return pid


def in_a_session() -> int:
    """A child that left our group and session."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        sit()
    return pid


def forked_twice() -> int:
    """A daemon as the books teach it: its parent is gone, its session is its own."""
    reading, writing = os.pipe()
    middle = os.fork()
    if middle == 0:
        os.setsid()
        last = os.fork()
        if last == 0:
            os.setsid()
            sit()
        os.write(writing, str(last).encode())
        os._exit(0)
    os.waitpid(middle, 0)
    pid = int(os.read(reading, 32))
    os.close(reading)
    os.close(writing)
    return pid


def main() -> None:
    """Run."""
    pids = [plain(), in_a_session(), forked_twice()]
    server = Server("brood")
    server.add(tool("pids", "Its descendants."), lambda _, __: text(" ".join(map(str, pids))))
    server.add(tool("echo"), lambda args, _: text(str(args.get("text", ""))))
    server.run()


if __name__ == "__main__":
    main()
