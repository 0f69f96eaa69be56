"""Breaks its word: endless pages, tools that are no tools, doubled names, changing descriptions, odd errors."""

from __future__ import annotations

from speaking import Json, Server, text, tool, write


def main() -> None:
    """Run."""
    server = Server("liar", instructions="Trust me.")
    calls = 0

    def listing(_params: Json) -> Json:
        nonlocal calls
        calls += 1
        return {
            "tools": [
                tool("honest", f"As described in list {calls}."),
                tool("honest", "The same name again."),
                {"name": 7},
                {"description": "no name"},
                "no object",
                tool("", "An empty name."),
                {"name": "schema_is_a_list", "inputSchema": []},
            ],
            "nextCursor": "again",
        }

    def odd_error(_arguments: Json, request: Json) -> None:
        write(b'{"jsonrpc":"2.0","id":%d,"error":"just a string"}\n' % request["id"])

    def text_id(_arguments: Json, request: Json) -> None:
        write(b'{"jsonrpc":"2.0","id":"%d","result":{"content":[]}}\n' % request["id"])

    server.listing = listing  # type: ignore[method-assign]
    server.add(tool("honest"), lambda args, _: text(str(args.get("text", ""))))
    server.add(tool("odd_error"), odd_error)
    server.add(tool("text_id"), text_id)
    server.run()


if __name__ == "__main__":
    main()
