"""Everything a result may hold: images, links, kinds and fields nobody knows, structured content right and wrong."""

from __future__ import annotations

import base64

from speaking import Json, Server, notify, text, tool, write

PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000"
        "050001a5f645400000000049454e44ae426082"
    )
).decode()
NUMBER_OUT = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
VERBATIM = (
    b'{ "content" : [ {"type":"text","text":"\\u00e9 1.0"} , {"type":"hologram","rays":[1.50,2e3]} ],'
    b'"x-future":{"b":1,"a":[null,1e-7]},"_meta":{"vendor/key":"kept"}}'
)


def progress(_arguments: Json, request: Json) -> Json:
    """Three steps, then the answer."""
    token = (request["params"].get("_meta") or {}).get("progressToken")
    for step in (1, 2, 3):
        if token is not None:
            notify("notifications/progress", {"progressToken": token, "progress": step, "total": 3, "x-extra": step})
    return text("done")


def verbatim(_arguments: Json, request: Json) -> None:
    """Bytes whose every space and digit can be compared."""
    write(b'{"jsonrpc":"2.0","id":%d,"result":%s}\n' % (request["id"], VERBATIM))


def main() -> None:
    """Run."""
    server = Server("rich")
    image = {"content": [{"type": "image", "data": PIXEL, "mimeType": "image/png"}]}
    link = {"type": "resource_link", "uri": "file:///report.txt", "name": "report", "mimeType": "text/plain"}
    embedded = {"type": "resource", "resource": {"uri": "rich://note", "text": "a note", "mimeType": "text/plain"}}
    server.add(tool("image", "A picture."), lambda _, __: image)
    server.add(tool("link", "A link."), lambda _, __: {"content": [link, embedded]})
    server.add(tool("unknown", "Content of a kind nobody knows."), lambda _, __: {
        "content": [{"type": "hologram", "rays": [1, 2]}, {"type": "text", "text": "seen", "glow": True}],
        "x-more": {"a": 1},
    })  # fmt: skip
    server.add(tool("structured", "A number.", outputSchema=NUMBER_OUT), lambda _, __: {
        "content": [{"type": "text", "text": '{"n": 1}'}], "structuredContent": {"n": 1},
    })  # fmt: skip
    server.add(tool("structured_wrong", "A number, it claims.", outputSchema=NUMBER_OUT), lambda _, __: {
        "content": [{"type": "text", "text": "one"}], "structuredContent": {"n": "one"},
    })  # fmt: skip
    server.add(tool("empty", "Nothing at all."), lambda _, __: {"content": []})
    server.add(tool("fails", "Fails as a tool does."), lambda _, __: text("no such thing", is_error=True))
    server.add(tool("progress", "Three steps."), progress)
    server.add(tool("verbatim", "Bytes to compare."), verbatim)
    bad_names = ("bad name!", "dots.and/slashes", "ünïcode", "x" * 90, "mcp__pretender", "_-_")
    for name in bad_names:
        server.add(tool(name, "Has a name that clients refuse."), lambda _, __, said=name: text(f"called {said}"))  # type: ignore[misc]
    server.add(tool("no_description", description="", x_vendor={"kept": True}), lambda _, __: text("fine"))
    server.run()


if __name__ == "__main__":
    main()
