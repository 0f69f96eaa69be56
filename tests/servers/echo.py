"""Says back what it is told. `--tool NAME`, `--modern` (2026-07-28), `--page N`, `--first-initialize` (or it dies)."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from speaking import Json, Server, notify, send, text, tool


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", default="echo")
    parser.add_argument("--description", default="Says back the text it is given.")
    parser.add_argument("--modern", action="store_true")
    parser.add_argument("--page", type=int, default=0)
    parser.add_argument("--first-initialize", action="store_true")
    parser.add_argument("--list-changed-early", action="store_true")
    options = parser.parse_args()
    server = Server("echo", modern=options.modern, instructions="Echoes.", page=options.page)

    def add_one(arguments: Json, _request: Json) -> Json:
        name = arguments.get("text", "another")
        server.add(tool(name), lambda args, _: text(args.get("text", "")))
        for _ in range(3):
            notify("notifications/tools/list_changed", {})
        return text(f"added {name}")

    def ask_back(_arguments: Json, _request: Json) -> Json:
        send({"id": "from-server", "method": "sampling/createMessage", "params": {"messages": []}})
        answer = sys.stdin.buffer.readline().decode()
        return text(answer)

    server.add(tool(options.tool, options.description), lambda args, _: text(str(args.get("text", ""))))
    server.add(tool("request", "Returns the whole request as it arrived."), lambda _, request: text(repr(request)))
    server.add(tool("environment"), lambda _, __: text("\n".join(f"{k}={v}" for k, v in sorted(os.environ.items()))))
    server.add(tool("cwd"), lambda _, __: text(str(Path.cwd())))
    server.add(tool("add_tool", "Adds a tool and says so thrice."), add_one)
    server.add(tool("ask_back", "Asks the client for a sample."), ask_back)
    if options.list_changed_early:
        server.on_initialized = lambda: notify("notifications/tools/list_changed", {})
    if options.first_initialize:
        plain = server.answer

        def strict(method: str, params: Json, message: Json) -> Json | None:
            if method == "server/discover":
                sys.exit("expected initialize")
            return plain(method, params, message)

        server.answer = strict  # type: ignore[method-assign]
    server.run()


if __name__ == "__main__":
    main()
