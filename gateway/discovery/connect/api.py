"""`Connect`: connections, their tools, namespaces and service tokens, as coroutines that return values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from gateway.discovery.connect import parsing
from gateway.discovery.connect.answers import said_in
from gateway.discovery.connect.client import Answered, ConnectClient, Question
from gateway.discovery.connect.names import connection_id, mcp_address, namespace_name, tool_path
from gateway.discovery.connect.values import (
    Connection,
    ConnectionPage,
    ConnectTool,
    Filter,
    Grant,
    NewConnection,
    ServiceToken,
    ToolOutcome,
)
from gateway.errors import NotFound

CALL_TIMEOUT_S: Final = 120.0
MAX_PAGES: Final = 100  # a bound for a listing that never ends
TOOL_FAILED: Final = 422

T = TypeVar("T")


class Connect:
    """Everything that can be asked of Connect. All methods raise what `ConnectClient.ask` raises.

    Names are checked before they reach a path (UsageError); an answer that makes no sense is ListingInvalid.
    """

    def __init__(self, client: ConnectClient) -> None:
        self._client = client
        self.access = client.access

    def require_key(self) -> None:
        """Raises: RegistryUnauthorized when there is no key to ask with."""
        self._client.require_key()

    # --- namespaces and tokens (the API's own host) --------------------------------------------------------------

    async def namespaces(self) -> tuple[str, ...]:
        """Return the caller's own namespaces. Any query would make this a public search."""
        return await self._read("GET", f"{self._api}/namespaces", "the namespaces", parsing.parse_namespaces)

    async def create_namespace(self, name: str = "") -> str:
        """Create a namespace and return its name, which Smithery makes up when none is given."""
        if name:
            url = f"{self._api}/namespaces/{namespace_name(name)}"
            await self._read("PUT", url, f"the namespace {name}", parsing.parse_namespace)
            return name
        return await self._read(
            "POST", f"{self._api}/namespaces", "a new namespace", parsing.parse_namespace, repeatable=False
        )

    async def token(self, grant: Grant) -> ServiceToken:
        """Make a service token. Asking twice makes two, of which the first simply expires."""
        namespace_name(grant.namespace)
        url = f"{self._api}/tokens"
        return await self._read("POST", url, "a service token", parsing.parse_token, body=grant.body())

    # --- connections ---------------------------------------------------------------------------------------------

    async def create(self, namespace: str, wanted: NewConnection) -> Connection:
        """Make a connection whose id Smithery chooses; never repeated by itself."""
        url = self._namespace(namespace)
        return await self._read(
            "POST", url, "the connection", parsing.parse_connection, body=wanted.body(), repeatable=False
        )

    async def put(self, namespace: str, connection: str, wanted: NewConnection, *, replace: bool = False) -> Connection:
        """Make or update the connection of that id.

        Raises: ConnectionMismatch when it exists and leads elsewhere; with `replace` it is deleted and made anew.
        """
        url, what = self._connection(namespace, connection), f"the connection {connection}"
        answered = await self._ask("PUT", url, what, body=wanted.body(), fine=(409,) if replace else ())
        if answered.status == 409:
            await self.delete(namespace, connection)
            answered = await self._ask("PUT", url, what, body=wanted.body())
        return parsing.parse_connection(answered.value)

    async def get(self, namespace: str, connection: str) -> Connection:
        """Return one connection. Raises: NotFound."""
        url = self._connection(namespace, connection)
        return await self._read("GET", url, f"the connection {connection}", parsing.parse_connection)

    async def find(self, namespace: str, connection: str) -> Connection | None:
        """Return one connection, None when there is none of that id."""
        try:
            return await self.get(namespace, connection)
        except NotFound:
            return None

    async def delete(self, namespace: str, connection: str) -> bool:
        """Delete a connection; False when it was not there."""
        url = self._connection(namespace, connection)
        answered = await self._ask("DELETE", url, f"the connection {connection}", fine=(404,))
        return answered.status != 404

    async def page(self, namespace: str, wanted: Filter | None = None, cursor: str | None = None) -> ConnectionPage:
        """Return one page of a namespace's connections."""
        url = self._namespace(namespace) + _query(wanted or Filter(), cursor)
        return await self._read("GET", url, f"the connections of {namespace}", parsing.parse_connections)

    async def connections(self, namespace: str, wanted: Filter | None = None) -> tuple[Connection, ...]:
        """Return all connections of a namespace, page after page."""
        found: dict[str, Connection] = {}
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await self.page(namespace, wanted, cursor)
            fresh = [one for one in page.connections if one.id not in found]
            found |= {one.id: one for one in fresh}
            if page.cursor is None or not fresh:  # a listing that goes round in circles has ended too
                break
            cursor = page.cursor
        return tuple(found.values())

    # --- tools ---------------------------------------------------------------------------------------------------

    async def tools(self, namespace: str, connection: str, path: str = "") -> tuple[ConnectTool, ...]:
        """Return the tools of a connection, those of one category, or one tool (`path`: `people`, `people.greet`)."""
        url = self._connection(namespace, connection) + "/.tools" + (f"/{tool_path(path)}" if path else "")
        what = f"the tool {path} of {connection}" if path else f"the connection {connection}"
        return await self._read("GET", url, what, parsing.parse_tools)

    async def call_tool(self, namespace: str, connection: str, tool: str, arguments: Mapping[str, Any]) -> ToolOutcome:
        """Call a tool, once. A tool that fails is an outcome, not an error."""
        url = f"{self._connection(namespace, connection)}/.tools/{tool_path(tool)}"
        question = Question(
            "POST", url, f"the tool {tool} of {connection}", body=arguments, repeatable=False,
            timeout_s=CALL_TIMEOUT_S, fine=(TOOL_FAILED,),
        )  # fmt: skip
        answered = await self._client.ask(question)
        if answered.status == TOOL_FAILED:
            return ToolOutcome(_failed(answered.value), is_error=True)
        result = parsing.parse_result(answered.value)
        return ToolOutcome(result, is_error=result.get("isError") is True)

    def mcp_url(self, namespace: str, connection: str) -> str:
        """Return where the connection speaks MCP: stateless Streamable HTTP."""
        return mcp_address(self.access.api_url, namespace, connection)

    async def pause(self, seconds: float) -> None:
        """Wait between two looks at a connection."""
        await self._client.sleep(seconds)

    # --- asking --------------------------------------------------------------------------------------------------

    @property
    def _api(self) -> str:
        return self.access.api_url.rstrip("/")

    def _namespace(self, namespace: str) -> str:
        return f"{self.access.rest_url}/{namespace_name(namespace)}"

    def _connection(self, namespace: str, connection: str) -> str:
        return f"{self._namespace(namespace)}/{connection_id(connection)}"

    async def _ask(self, method: str, url: str, what: str, **more: Any) -> Answered:
        return await self._client.ask(Question(method, url, what, **more))

    async def _read(self, method: str, url: str, what: str, read: Callable[[object], T], **more: Any) -> T:
        return read((await self._ask(method, url, what, **more)).value)


def _query(wanted: Filter, cursor: str | None) -> str:
    params = {"limit": str(max(1, min(wanted.limit, 100)))}
    params |= {key: value for key, value in (("name", wanted.name), ("mcpUrl", wanted.mcp_url)) if value}
    params |= {f"metadata.{key}": value for key, value in wanted.metadata.items()}
    if cursor:
        params["cursor"] = cursor
    return "?" + urlencode(params)


def _failed(value: Any) -> dict[str, Any]:
    """A tool's own failure as an MCP result: as it came when it is one, else made of its words."""
    if isinstance(value, dict) and isinstance(value.get("content"), list):
        return {**value, "isError": True}
    said = said_in(value)
    return {"content": [{"type": "text", "text": said or "the tool failed"}], "isError": True}
