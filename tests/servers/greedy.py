"""Takes what it can get: memory, processes, descriptors, disk, processor; each a tool, said in numbers."""

from __future__ import annotations

import errno
import os
import signal
import threading
from pathlib import Path

from speaking import Json, Server, text, tool

AMOUNT = {"type": "object", "properties": {"count": {"type": "integer"}, "path": {"type": "string"}}}
MIB = 1 << 20


def eat(arguments: Json, _request: Json) -> Json:
    """So many MiB of memory, touched and kept."""
    KEPT.extend(b"\x01" * MIB for _ in range(int(arguments.get("count", 64))))
    return text(f"{len(KEPT)} MiB")


def brood_eats(arguments: Json, request: Json) -> None:
    """The same, by a child in a session of its own; no answer comes."""
    if os.fork() == 0:
        os.setsid()
        eat(arguments, request)
        signal.pause()
        os._exit(0)


def fork(arguments: Json, _request: Json) -> Json:
    """So many processes that stay; says how many there were until one was refused, and why."""
    born = 0
    try:
        for _ in range(int(arguments.get("count", 64))):
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            born += 1
    except OSError as exc:
        return text(f"{born} then {errno.errorcode.get(exc.errno or 0, '?')}")
    return text(f"{born} born")


def open_files(arguments: Json, _request: Json) -> Json:
    """So many descriptors, never closed; says how many there were until one was refused, and why."""
    opened = 0
    try:
        for _ in range(int(arguments.get("count", 64))):
            HELD.append(os.open("/dev/null", os.O_RDONLY))
            opened += 1
    except OSError as exc:
        while len(HELD) > opened - 8:  # what it needs to answer
            os.close(HELD.pop())
        return text(f"{opened} then {errno.errorcode.get(exc.errno or 0, '?')}")
    return text(f"{opened} open")


def fill(arguments: Json, _request: Json) -> Json:
    """So many MiB in a file; says how many bytes fitted, and what stopped it."""
    path, written = Path(str(arguments["path"])), 0
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(int(arguments.get("count", 64)) * 16):
                written += file.write(b"\x01" * (MIB // 16))
    except OSError as exc:
        return text(f"{written} then {errno.errorcode.get(exc.errno or 0, '?')}")
    return text(f"{written} written")


def burn(_arguments: Json, _request: Json) -> Json:
    """Never comes back: all of one processor."""
    while True:
        pass


KEPT: list[bytes] = []
HELD: list[int] = []


def main() -> None:
    """Run."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a file that is too large is an error, as on a full disk
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = Server("greedy")
    for named in (eat, brood_eats, fork, open_files, fill, burn):
        server.add(tool(named.__name__, named.__doc__ or "", AMOUNT), named)
    server.add(tool("echo"), lambda args, _: text(str(args.get("text", ""))))
    server.add(tool("threads", "How many run."), lambda _, __: text(str(threading.active_count())))
    server.run()


if __name__ == "__main__":
    main()
