"""The room's face: one MCP endpoint over everything that is installed. The daemon builds it and mounts `mcp_app`."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Mapping
from typing import Any

import anyio
import anyio.abc
import msgspec
import structlog

from gateway.clock import Clock
from gateway.endpoint import sdk
from gateway.endpoint.answers import Answer
from gateway.endpoint.app import McpApp
from gateway.endpoint.builtin_definitions import NAMES
from gateway.endpoint.context import CallRequest, RequestContext, call_request
from gateway.endpoint.dispatch import Dispatch, session_instance
from gateway.endpoint.exchange import Exchange
from gateway.endpoint.fidelity import SERVER_INFO_META
from gateway.endpoint.offering import Offering
from gateway.endpoint.ports import Chooser, OnNotify, Tombstones, Upstreams, Verbs
from gateway.endpoint.resume import Resumption, Sessions
from gateway.endpoint.rounds import Rounds
from gateway.endpoint.routing import nearest_names
from gateway.endpoint.sessions import Session, SessionSeal
from gateway.endpoint.settings import EndpointConfig
from gateway.endpoint.toolset import ServerTools, Toolset, build_toolset
from gateway.errors import NotRunning, UnknownTool, UsageError
from gateway.facts import Publish
from gateway.model import Caller, ServerName

INSTRUCTIONS = "This gateway offers the tools of many MCP servers, the most promising ones first."
OWN_TOOLS = (
    " A tool that you miss may be found with gateway__find_tools and called with gateway__call_tool; "
    "gateway__rate_tool tells how useful a call was."
)


class Endpoint:
    """Answers MCP clients of both eras; `mcp_app` serves while `run` runs."""

    def __init__(
        self,
        *,
        upstreams: Upstreams,
        chooser: Chooser,
        publish: Publish,
        clock: Clock,
        rng: random.Random,
        config: EndpointConfig,
        session_key: bytes,
        args_key: bytes,
        tombstones: Tombstones,
        verbs: Verbs,
        version: str,
    ) -> None:
        self._upstreams = upstreams
        self._chooser = chooser
        self._clock = clock
        self._rounds = Rounds()
        self._server_info = sdk.server_info(version)
        self._offering = Offering(chooser=chooser, publish=publish, clock=clock, rounds=self._rounds, config=config)
        self._dispatch = Dispatch(
            upstreams=upstreams,
            offering=self._offering,
            verbs=verbs,
            publish=publish,
            clock=clock,
            rng=rng,
            args_key=args_key,
            server_info=self._server_info,
        )
        self._face = sdk.SdkFace(
            answers=self,
            version=version,
            instructions=INSTRUCTIONS + (OWN_TOOLS if config.tools.builtins else ""),
            input_schema=self._input_schema,
            session_idle_s=config.session_idle_s,
        )
        self._running = self._draining = False
        self._changed = anyio.Event()
        self._log = structlog.get_logger("endpoint")
        self.mcp_app = self._app(SessionSeal(session_key), tombstones)

    def _app(self, seal: SessionSeal, tombstones: Tombstones) -> McpApp:
        made_from = Resumption(
            seal=seal,
            tombstones=tombstones,
            clock=self._clock,
            rounds=self._rounds,
            sid=lambda: secrets.token_hex(16),
            revision=sdk.negotiated_revision,
            ended=self._ended,
        )
        return McpApp(
            legacy=Sessions(self._face.handle, made_from),
            modern=self._face.handle,
            is_legacy=sdk.is_legacy,
            has_profile=lambda name: self._offering.config.profile(name) is not None,
            is_running=lambda: self._running,
            is_draining=lambda: self._draining,
            clock=self._clock,
        )

    @property
    def toolset(self) -> Toolset:
        """All tools now."""
        return self._offering.toolset

    @property
    def in_flight(self) -> int:
        """How many calls are being worked on."""
        return self._dispatch.in_flight

    async def run(self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; clients are told when the tools change."""
        async with self._face.running():
            self._running = True
            task_status.started()
            try:
                while True:
                    await self._changed.wait()
                    self._changed = anyio.Event()
                    await self._face.tools_changed()
            finally:
                self._running = False

    def drain(self) -> None:
        """Begin nothing new from now on; what goes on may end."""
        self._draining = True

    def set_tools(self, tools: Mapping[ServerName, ServerTools]) -> None:
        """Offer these tools from now on; a changed toolset is told to the policy and to the clients that listen."""
        toolset = build_toolset(tools, NAMES)
        if toolset.version == self.toolset.version:
            return
        for ref, reason in toolset.left_out.items():
            if self.toolset.left_out.get(ref) != reason:
                self._log.warning("tool_left_out", server=ref.server, tool=ref.tool, reason=reason)
        self._offering.show(toolset)
        self._chooser.set_tools(toolset.version, toolset.cards())
        self._changed.set()

    def set_config(self, config: EndpointConfig) -> None:
        """Take a changed configuration over; lists in force end."""
        if config != self._offering.config:
            self._offering.configure(config)
            self._changed.set()

    def list_tools(self, exchange: Exchange, *, modern: bool) -> bytes:
        """The raw result of tools/list for one request."""
        kept = self._offering.listing(self._context(exchange, modern=modern))
        if not modern:
            return b'{"tools":' + kept.tools + b"}"
        left_ms = max(0, int((kept.expires - self._clock.now()) * 1000))
        stamp = msgspec.json.encode({SERVER_INFO_META: msgspec.Raw(self._server_info)})
        members = b'{"tools":%b,"resultType":"complete","ttlMs":%d,"cacheScope":"private","_meta":%b}'
        return members % (kept.tools, left_ms, stamp)

    async def call_tool(self, exchange: Exchange, *, modern: bool, on_notify: OnNotify | None) -> Answer:
        """The answer to one tools/call."""
        params = dict(exchange.inbound.params)
        request = CallRequest(msgspec.json.decode(params["name"], type=str), params)
        return await self._dispatch.call(request, self._context(exchange, modern=modern), on_notify)

    async def call_for_api(self, exposed: str, arguments: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Call a tool for the CLI or the dashboard: the MCP result.

        Raises: UnknownTool, UsageError when the caller's profile does not exist; NotRunning while it drains.
        """
        if self._draining:
            raise NotRunning("the gateway is stopping; nothing was done", fix="Call again when it is back.")
        if self._offering.config.profile(caller.profile) is None:
            raise UsageError(f"there is no profile {caller.profile!r}", fix="Name one of the configuration.")
        try:
            raw = json.dumps(arguments, allow_nan=False, ensure_ascii=False).encode()
        except ValueError as exc:
            raise UsageError(f"the arguments cannot be sent: {exc}", fix="Give plain JSON values.") from exc
        request = call_request(exposed, raw)
        answer = await self._dispatch.call(request, RequestContext(caller, via="api"))
        if answer.error is not None:
            raise UnknownTool(exposed, nearest_names(self.toolset, self.toolset.entries, exposed))
        return dict(json.loads(answer.result))

    def _context(self, exchange: Exchange, *, modern: bool) -> RequestContext:
        session = exchange.session
        if session is not None:
            return RequestContext(exchange.caller, session.sid, session.round, modern)
        return RequestContext(exchange.caller, "", self._rounds.touch(exchange.caller, self._clock.now()), modern)

    def _input_schema(self, name: str) -> Mapping[str, Any] | None:
        return self.toolset.input_schema(name)

    async def _ended(self, session: Session) -> None:
        await self._upstreams.release(session_instance(session.sid))
