"""Prints noise on stdout: a banner, and around answers bad UTF-8, NUL, batches, deep JSON, unknown ids."""

from __future__ import annotations

import sys

from speaking import Json, Server, send, text, tool, write

NOISE = (
    b"log: answering a call\n",
    b"\xff\xfe broken \xc3(\n",
    b"\x00\x00\x00\n",
    b'[{"jsonrpc":"2.0","id":1,"result":{}}]\n',
    b"[" * 100_000 + b"\n",
    b'{"jsonrpc":"2.0","id":1e400,"result":{}}\n',
    b'{"jsonrpc":"2.0","id":987654,"result":{}}\n',
    b'{"jsonrpc":"2.0","id":"nobody","error":{"code":1,"message":"x"}}\n',
    b'{"jsonrpc":"2.0"}\n',
    b"\n",
)


def main() -> None:
    """Run."""
    write(b"*** Welcome to CHATTER v1 ***\nlistening on stdio\n")
    print("chatter: this goes to stderr", file=sys.stderr, flush=True)
    server = Server("chatter")

    def noisy(arguments: Json, _request: Json) -> Json:
        for line in NOISE:
            write(line)
        return text(str(arguments.get("text", "")))

    def broken_text(_arguments: Json, request: Json) -> None:
        write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"caf\xe9"}]}}\n' % request["id"])

    def malformed(_arguments: Json, request: Json) -> None:
        write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[}}\n' % request["id"])

    def twice(_arguments: Json, request: Json) -> Json:
        send({"id": request["id"], "result": text("first")})
        return text("second")

    server.add(tool("noisy"), noisy)
    server.add(tool("broken_text", "Answers with bytes that are no UTF-8."), broken_text)
    server.add(tool("malformed", "Answers with broken JSON."), malformed)
    server.add(tool("twice", "Answers twice."), twice)
    server.run()


if __name__ == "__main__":
    main()
