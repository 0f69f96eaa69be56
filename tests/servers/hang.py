"""Stops answering: from the start (`--at start`), at pings (`--at ping`), or in its tool (`--at call`)."""

from __future__ import annotations

import argparse
import threading

from speaking import Json, Server, text, tool


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--at", choices=["start", "discover", "ping", "call", "list"], default="call")
    options = parser.parse_args()
    server = Server("hang")
    plain = server.answer
    blocked = {"start": "initialize", "ping": "ping", "list": "tools/list"}.get(options.at)

    def answer(method: str, params: Json, message: Json) -> Json | None:
        if method == "server/discover" and options.at in ("start", "discover"):
            return None
        return None if method == blocked else plain(method, params, message)

    def forever(_arguments: Json, _request: Json) -> Json:
        threading.Event().wait()
        return text("never")

    server.answer = answer  # type: ignore[method-assign]
    server.add(tool("hang", "Never answers, and nothing else is answered either."), forever)
    server.add(tool("silent", "Never answers; the rest goes on."), lambda _, __: None)
    server.add(tool("echo"), lambda args, _: text(str(args.get("text", ""))))
    server.run()


if __name__ == "__main__":
    main()
