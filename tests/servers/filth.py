"""Puts filth of every kind on its stdout, one kind per tool; `--banner` greets first, `--modern` speaks 2026-07-28."""

from __future__ import annotations

import argparse
import os
import threading
import time

from speaking import Json, Server, notify, send, text, tool, write

COUNT = {
    "type": "object",
    "properties": {"count": {"type": "integer"}, "seconds": {"type": "number"}, "size": {"type": "integer"}},
}
BLOCK = 1 << 20
STRAY: dict[str, bytes] = {
    "garbage": b"INFO connected to the database in 12 ms\n",
    "bad_utf8": b"\xff\xfe\xc3( \x80\x81 latin: caf\xe9\n",
    "nul": b"\x00" * 64 + b"\n",
    "deep": b"[" * 100_000 + b"\n",
    "deep_answer": b'{"jsonrpc":"2.0","id":1,"result":' + b'{"a":' * 100_000 + b"\n",
    "huge_number": b'{"jsonrpc":"2.0","id":1e400,"result":{"n":1e400}}\n',
    "unknown_id": b'{"jsonrpc":"2.0","id":987654321,"result":{}}\n',
    "text_id": b'{"jsonrpc":"2.0","id":"nobody","error":{"code":1,"message":"x"}}\n',
    "batch": b'[{"jsonrpc":"2.0","id":1,"result":{}}]\n',
    "lone_surrogate": b'{"jsonrpc":"2.0","method":"\\ud800\\udfff\\ud800","params":{"x":"\\ud800"}}\n',
}
"""Lines that are no message for anybody."""


def stray(line: bytes, arguments: Json) -> Json:
    """Write the line so many times, then answer."""
    for _ in range(int(arguments.get("count", 1))):
        write(line)
    return text("answered")


def long_line(arguments: Json, _request: Json) -> Json:
    """One line of this size, without ever holding it."""
    left = int(arguments.get("size", BLOCK))
    while left > 0:
        write(b"y" * min(left, BLOCK))
        left -= BLOCK
    write(b"\n")
    return text("answered")


def partial(request: Json) -> None:
    """The first half of an answer."""
    write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"te' % request["id"])


def partial_then_eof(_arguments: Json, request: Json) -> None:
    """Half an answer, then the end."""
    partial(request)
    os._exit(0)


def partial_then_hang(_arguments: Json, request: Json) -> None:
    """Half an answer, then nothing at all."""
    partial(request)
    threading.Event().wait()


def duplicate(_arguments: Json, request: Json) -> Json:
    """Three answers to one request."""
    for words in ("first", "second"):
        send({"id": request["id"], "result": text(words)})
    return text("third")


def surrogates(_arguments: Json, request: Json) -> None:
    """An answer whose text is no text."""
    answer = b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"a\\ud800b"}]}}\n'
    write(answer % request["id"])


def notices(arguments: Json, _request: Json) -> Json:
    """`count` notifications in each of `seconds` seconds."""
    per_second, seconds = int(arguments.get("count", 10_000)), float(arguments.get("seconds", 1))
    end, sent = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for _ in range(per_second // 100):
            notify("notifications/message", {"level": "info", "data": sent})
            sent += 1
        time.sleep(0.01)
    return text(str(sent))


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--banner", action="store_true")
    parser.add_argument("--modern", action="store_true")
    options = parser.parse_args()
    if options.banner:
        write(b"\n  *** FILTH 1.0 ***\n\nlistening on stdio ...\n\x1b[32mready\x1b[0m\n")
    server = Server("filth", modern=options.modern)
    for name, line in STRAY.items():
        server.add(tool(name, "Writes it, then answers.", COUNT), lambda args, _, line=line: stray(line, args))  # type: ignore[misc]
    for named in (long_line, partial_then_eof, partial_then_hang, duplicate, surrogates, notices):
        server.add(tool(named.__name__, named.__doc__ or "", COUNT), named)
    server.add(tool("echo"), lambda args, _: text(str(args.get("text", ""))))
    server.run()


if __name__ == "__main__":
    main()
