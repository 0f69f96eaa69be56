"""Stand-ins for the rooms around the endpoint, and an ASGI driver: real classes with behaviour of their own."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import anyio
import httpx

from gateway.endpoint.endpoint import Endpoint
from gateway.endpoint.gate import Gate
from gateway.endpoint.ports import OnNotify, Rating
from gateway.endpoint.settings import EndpointConfig
from gateway.endpoint.tokens import Tokens
from gateway.endpoint.toolset import ServerTools
from gateway.errors import NotFound, ServerNotReady
from gateway.facts import CallFinished, DecisionMade, Fact
from gateway.model import Caller, ChooseRequest, Decision, ServerName, Tool, ToolCard, ToolName, ToolRef
from tests.fakes import FakeClock

AGENTS = "agents-token"
ADMIN = "admin-token"
LEGACY = "2025-11-25"
MODERN = "2026-07-28"
BASE = "http://127.0.0.1:8808"

Behaviour = Callable[[dict[str, Any], OnNotify | None], Awaitable[bytes]]


class FakeUpstream:
    """A ready child whose tools are coroutines; it keeps the raw params it got."""

    def __init__(self, server: ServerName, tools: Mapping[str, Behaviour]) -> None:
        self.server = server
        self.tools = dict(tools)
        self.seen: list[bytes] = []

    async def request(
        self, method: str, params: bytes, *, timeout_s: float | None = None, on_notify: OnNotify | None = None
    ) -> bytes:
        assert method == "tools/call"
        self.seen.append(params)
        decoded = json.loads(params)
        return await self.tools[decoded["name"]](decoded, on_notify)


class FakeUpstreams:
    """A set of children; a server that was never started is not ready."""

    def __init__(self) -> None:
        self.children: dict[str, FakeUpstream] = {}
        self.instances: list[tuple[str, str]] = []
        self.acquired: list[tuple[str, str]] = []
        self.released: list[str] = []

    def start(self, server: str, **tools: Behaviour) -> FakeUpstream:
        child = FakeUpstream(ServerName(server), tools)
        self.children[server] = child
        return child

    async def acquire(
        self, server: ServerName, instance: str = "", *, tool: str = "", caller: str = ""
    ) -> FakeUpstream:
        self.instances.append((server, instance))
        self.acquired.append((tool, caller))
        if server not in self.children:
            raise ServerNotReady(server, state="backoff", reason="it ended with status 1", retry_after_s=4.0)
        return self.children[server]

    async def release(self, instance: str) -> None:
        self.released.append(instance)


class FakeChooser:
    """A policy that puts the names of `first` first and leaves the rest in their order."""

    def __init__(self, *first: str) -> None:
        self.first = list(first)
        self.requests: list[ChooseRequest] = []
        self.cards: list[ToolCard] = []
        self.versions: list[str] = []
        self.broken = False
        self._ids = itertools.count(1)

    def set_tools(self, toolset_version: str, cards: Sequence[ToolCard]) -> None:
        self.versions.append(toolset_version)
        self.cards = list(cards)

    def decide(self, request: ChooseRequest) -> Decision:
        if self.broken:
            raise ZeroDivisionError
        self.requests.append(request)
        ordered = sorted(request.candidates, key=lambda name: name not in self.first)
        shown = tuple(ordered[: request.k])
        return Decision(
            id=f"d{next(self._ids)}", kind=request.kind, at=0.0, key=request.caller.key, agent=request.caller.agent,
            run=request.caller.run, round=request.round, shown=shown, propensities=(None,) * len(shown), seed=0,
            policy_version="fake", toolset_version=self.versions[-1] if self.versions else "", query=request.query,
        )  # fmt: skip


class FakeTombstones:
    """Tombstones in memory; they outlive an endpoint, as the store does."""

    def __init__(self) -> None:
        self.buried: dict[str, float] = {}

    def contains(self, sid: str) -> bool:
        return sid in self.buried

    async def bury(self, sid: str, until: float) -> None:
        self.buried[sid] = until


class FakeVerbs:
    """Keeps ratings; knows one server that can be installed."""

    def __init__(self) -> None:
        self.ratings: list[Rating] = []

    async def rate(self, rating: Rating) -> None:
        if rating.call_id == "c-unknown":
            raise NotFound("there is no such call")
        self.ratings.append(rating)

    async def install_server(self, name: str, caller: Caller) -> str:
        return f"{name} is installed for {caller.agent}."


class World:
    """An endpoint with fakes around it; `reborn` is the same gateway after a restart."""

    def __init__(self, config: EndpointConfig | None = None, *, upstreams: FakeUpstreams | None = None) -> None:
        self.clock = FakeClock()
        self.upstreams = upstreams or FakeUpstreams()
        self.chooser = FakeChooser()
        self.tombstones = FakeTombstones()
        self.verbs = FakeVerbs()
        self.facts: list[Fact] = []
        self.config = config or EndpointConfig()
        self.servers: dict[ServerName, ServerTools] = {}
        self.tokens = Tokens.of(AGENTS, ADMIN)
        self._build()

    def _build(self) -> None:
        self.endpoint = Endpoint(
            upstreams=self.upstreams, chooser=self.chooser, publish=self.facts.append, clock=self.clock,
            rng=random.Random(7), config=self.config, session_key=b"k" * 32, args_key=b"a" * 32,
            tombstones=self.tombstones, verbs=self.verbs, version="1.2.3",
        )  # fmt: skip
        self.app = Gate(self.endpoint.mcp_app, tokens=lambda: self.tokens)

    def serve(self, server: str, *tools: Tool, **kwargs: Any) -> None:
        self.servers[ServerName(server)] = ServerTools(tools=tools, **kwargs)
        self.endpoint.set_tools(self.servers)

    def reborn(self) -> None:
        self._build()
        self.endpoint.set_tools(self.servers)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        async with anyio.create_task_group() as tasks:
            await tasks.start(lambda *, task_status: self.endpoint.run(task_status=task_status))
            try:
                yield self
            finally:
                tasks.cancel_scope.cancel()

    @property
    def calls(self) -> list[CallFinished]:
        return [fact for fact in self.facts if isinstance(fact, CallFinished)]

    @property
    def decisions(self) -> list[Decision]:
        return [fact.decision for fact in self.facts if isinstance(fact, DecisionMade)]

    def http(self, token: str = AGENTS, **headers: str) -> httpx.AsyncClient:
        given = {
            "authorization": f"Bearer {token}",
            "accept": "application/json, text/event-stream",
            **{key.replace("_", "-"): value for key, value in headers.items()},
        }
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=BASE, headers=given)


class LegacyClient:
    """A session of the 2025-11-25 era on raw JSON."""

    def __init__(self, world: World, path: str = "/mcp", token: str = AGENTS, **headers: str) -> None:
        self.http = world.http(token, mcp_protocol_version=LEGACY, **headers)
        self.path = path
        self.ids = itertools.count(1)
        self.session = ""

    async def open(self, capabilities: dict[str, Any] | None = None) -> LegacyClient:
        params = {
            "protocolVersion": LEGACY,
            "capabilities": capabilities or {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        answer = await self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
        assert answer.status_code == 200, answer.text
        self.session = answer.headers["mcp-session-id"]
        await self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    async def post(self, message: Any, path: str | None = None) -> httpx.Response:
        headers = {"mcp-session-id": self.session} if self.session else {}
        if isinstance(message, bytes):
            headers["content-type"] = "application/json"
            return await self.http.post(path or self.path, content=message, headers=headers)
        return await self.http.post(path or self.path, json=message, headers=headers)

    async def request(self, method: str, params: dict[str, Any] | None = None) -> httpx.Response:
        return await self.post({"jsonrpc": "2.0", "id": next(self.ids), "method": method, "params": params or {}})

    async def tools(self) -> list[dict[str, Any]]:
        return list((await self.request("tools/list")).json()["result"]["tools"])

    async def names(self) -> list[str]:
        return [tool["name"] for tool in await self.tools()]

    async def call(self, name: str, arguments: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        answer = await self.request("tools/call", {"name": name, "arguments": arguments or {}, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def delete(self) -> int:
        return (await self.http.delete(self.path, headers={"mcp-session-id": self.session})).status_code


class ModernClient:
    """Single exchanges of the 2026-07-28 era on raw JSON."""

    def __init__(self, world: World, path: str = "/mcp", **headers: str) -> None:
        self.http = world.http(mcp_protocol_version=MODERN, **headers)
        self.path = path
        self.ids = itertools.count(1)

    async def request(self, method: str, params: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        meta = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
            **((params or {}).get("_meta") or {}),
        }
        body = {"jsonrpc": "2.0", "id": next(self.ids), "method": method, "params": {**(params or {}), "_meta": meta}}
        named = {"mcp-name": params["name"]} if params and "name" in params else {}
        return await self.http.post(self.path, json=body, headers={"mcp-method": method, **named, **headers})

    async def listing(self) -> dict[str, Any]:
        return dict((await self.request("tools/list")).json()["result"])

    async def call(self, name: str, arguments: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        answer = await self.request("tools/call", {"name": name, "arguments": arguments or {}, **more})
        return dict(answer.json())


class Stream:
    """One POST whose answer is watched piece by piece, and whose client may leave."""

    def __init__(self, app: Any, body: Any, path: str = "/mcp", **headers: str) -> None:
        self._app = app
        self._body = json.dumps(body).encode()
        given = {
            "host": "127.0.0.1:8808", "content-type": "application/json", "authorization": f"Bearer {AGENTS}",
            "accept": "application/json, text/event-stream",
            **{key.replace("_", "-"): value for key, value in headers.items()},
        }  # fmt: skip
        self._scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
            "scheme": "http", "http_version": "1.1", "headers": [(k.encode(), v.encode()) for k, v in given.items()],
        }  # fmt: skip
        self._left = anyio.Event()
        self._told = False
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.grew = anyio.Event()

    def leave(self) -> None:
        self._left.set()

    async def run(self) -> None:
        await self._app(self._scope, self._receive, self._send)

    async def until(self, text: bytes) -> None:
        while text not in self.body:
            await self.grew.wait()

    async def _receive(self) -> dict[str, Any]:
        if not self._told:
            self._told = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        self.body += message.get("body", b"")
        grew, self.grew = self.grew, anyio.Event()
        grew.set()

    def events(self) -> list[dict[str, Any]]:
        return [
            json.loads(line[5:]) for line in self.body.splitlines() if line.startswith(b"data:") and line[5:].strip()
        ]


def tool(server: str, name: str, **members: Any) -> Tool:
    """A tool as its server lists it; `members` are further members of its definition."""
    schema = members.get("inputSchema", {"type": "object"})
    definition = {"name": name, "description": f"Does {name}.", "inputSchema": schema, **members}
    return Tool(
        ref=ToolRef(ServerName(server), ToolName(name)),
        definition=json.dumps(definition).encode(),
        description=definition["description"] or "",
        input_schema=schema,
        output_schema=members.get("outputSchema"),
    )


def says(raw: bytes | str) -> Behaviour:
    """A tool that always answers with these bytes."""

    async def behaviour(_: dict[str, Any], __: OnNotify | None) -> bytes:
        return raw.encode() if isinstance(raw, str) else raw

    return behaviour


def text(words: str) -> Behaviour:
    """A tool that always answers with this text."""
    return says(json.dumps({"content": [{"type": "text", "text": words}]}))


def fails(exc: Exception) -> Behaviour:
    """A tool whose every call ends with this exception."""

    async def behaviour(_: dict[str, Any], __: OnNotify | None) -> bytes:
        raise exc

    return behaviour


def echo_world(config: EndpointConfig | None = None) -> World:
    """One server `demo` with a tool `echo` that answers with a text."""
    world = World(config)
    world.upstreams.start("demo", echo=text("hello"))
    world.serve("demo", tool("demo", "echo"))
    return world
