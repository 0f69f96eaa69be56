"""Leaves processes behind that shed whatever can be shed: forked twice, sessions of their own, an empty environment."""

from __future__ import annotations

import os
import sys

from speaking import Json, Server, text, tool

HOG = "import time; kept = b'x' * ({count} << 20); print(flush=True); time.sleep(600)"
BROOD = """
import os, time
for _ in range({count}):
    if os.fork() == 0: time.sleep(600)
print(flush=True); time.sleep(600)
"""
KINDS = {"hog": HOG, "brood": BROOD}


def escape(arguments: Json, _request: Json) -> Json:
    """Start one of that kind; says its pid once it takes what it is told to take, or has tried to."""
    reading, writing = os.pipe()
    code = KINDS[str(arguments["kind"])].format(count=int(arguments.get("count", 0)))
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for number in (0, 2):
                os.dup2(nowhere, number)
            os.write(writing, f"{os.getpid()} ".encode())
            os.dup2(writing, 1)
            os.execve(sys.executable, [sys.executable, "-c", code], {})
        os._exit(0)
    os.waitpid(middle, 0)
    os.close(writing)
    said = b""
    while piece := os.read(reading, 64):
        said += piece
        if b"\n" in said:
            break
    return text(said.split()[0].decode())


def main() -> None:
    """Run."""
    server = Server("escaper")
    schema = {"type": "object", "properties": {"kind": {"type": "string"}, "count": {"type": "integer"}}}
    server.add(tool("escape", "Leaves something behind.", schema), escape)
    server.add(tool("echo"), lambda args, _: text(str(args.get("text", ""))))
    server.run()


if __name__ == "__main__":
    main()
