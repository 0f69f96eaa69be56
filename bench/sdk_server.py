"""The direct side of `relay.py`: a server on the official SDK's own Streamable HTTP, as one would write it. No gateway.

    python bench/sdk_server.py TOOLS

TOOLS is a JSON array of tool definitions. Whatever is called says back its `text`. Prints its address on one line and
serves until it is terminated.
"""

from __future__ import annotations

import json
import socket
import sys
from typing import Any

import uvicorn
import uvloop
from mcp.server import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, TextContent, Tool
from starlette.types import Receive, Scope, Send


def build(definitions: list[dict[str, Any]]) -> Server[Any]:
    """A server with these tools."""
    tools = [Tool.model_validate(definition) for definition in definitions]

    async def list_tools(_: ServerRequestContext[Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools)

    async def call_tool(_: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        text = str((params.arguments or {}).get("text", ""))
        return CallToolResult(content=[TextContent(type="text", text=text)])

    return Server("direct", version="1", on_list_tools=list_tools, on_call_tool=call_tool)


async def serve(definitions: list[dict[str, Any]]) -> None:
    """Serve on a free port of the loopback, with the web server and the loop that the gateway uses."""
    # JSON answers rather than event streams: the SDK's quicker way, so the comparison is the harder one for us.
    manager = StreamableHTTPSessionManager(build(definitions), json_response=True)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await manager.handle_request(scope, receive, send)

    with socket.create_server(("127.0.0.1", 0), backlog=512) as sock:
        options = uvicorn.Config(
            app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False
        )
        print(f"http://127.0.0.1:{sock.getsockname()[1]}/mcp", flush=True)
        async with manager.run():
            await uvicorn.Server(options).serve(sockets=[sock])


if __name__ == "__main__":
    uvloop.run(serve(json.loads(sys.argv[1])))
