"""Which tools of which servers are shown: listed facts are checked against the pins, then told to the endpoint.

A tool seen for the first time is pinned; a changed one is held back until somebody approves it. What was last
accepted is remembered, so that `tools/list` is answered before any child is up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

import anyio
import structlog

from gateway.daemon.pinning import canonical_definition, definition_hash, sort_tools
from gateway.endpoint.toolset import ServerTools
from gateway.errors import StoreError, StoreUnavailable
from gateway.facts import Fact, ServerForgotten, ToolsListed
from gateway.model import ServerName, ServerSpec, Tool, ToolName
from gateway.store.definitions import Definitions

STORE_RETRY_S = 5.0  # a full disk is looked at again this soon

ShowTools = Callable[[Mapping[ServerName, ServerTools]], None]
"""Told every wanted server's tools whenever they, or the wanted servers, changed."""


class ToolBoard:
    """A listener of facts and the task that acts on them; the store decides what is pinned."""

    def __init__(self, definitions: Definitions, show: ShowTools) -> None:
        self._definitions = definitions
        self._show = show
        self._shown: dict[ServerName, tuple[Tool, ...]] = {}
        self._held: dict[ServerName, tuple[ToolName, ...]] = {}
        self._latest: dict[ServerName, ToolsListed] = {}
        self._specs: dict[ServerName, ServerSpec] = {}
        # Facts come as often as children list their tools: few, so the queue needs no bound of its own.
        self._waiting: deque[ToolsListed] = deque()
        self._arrived = anyio.Event()
        self._emptied = anyio.Event()
        self._one_at_a_time = anyio.Lock()  # an older list must not be shown after a newer one
        self._log = structlog.get_logger("tools")

    def __call__(self, fact: Fact) -> None:
        """Take note of what a child listed; never waits."""
        if isinstance(fact, ToolsListed):
            self._waiting.append(fact)
            self._arrived.set()
        elif isinstance(fact, ServerForgotten):
            for known in (self._shown, self._held, self._latest):
                known.pop(fact.server, None)
            self._tell()

    async def recall(self) -> None:
        """Take up the tools that were last accepted, as far as their servers are wanted."""
        self._shown = dict(await self._definitions.known_tools())
        for server in self._shown:
            self._held[server] = tuple(map(ToolName, await self._definitions.pending(server)))

    def want(self, specs: Iterable[ServerSpec]) -> None:
        """Show tools of these servers only."""
        self._specs = {spec.name: spec for spec in specs}
        for server in [*self._shown]:
            if server not in self._specs:
                del self._shown[server]
        self._tell()

    async def run(self) -> None:
        """Check what children list, one list after the other, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived = anyio.Event()
            while self._waiting:
                await self._take_next()
            self._emptied.set()
            self._emptied = anyio.Event()

    @property
    def behind_on(self) -> frozenset[ServerName]:
        """The servers with a list that is not shown yet."""
        return frozenset(fact.server for fact in self._waiting)

    async def caught_up(self) -> None:
        """Wait until every list that came so far is shown (or held back)."""
        while self._waiting:
            await self._emptied.wait()

    async def _take_next(self) -> None:
        """Take the oldest list. While the store cannot be written it waits; what was shown stays shown."""
        fact = self._waiting[0]
        try:
            await self.take(fact)
        except StoreUnavailable as exc:
            self._log.error("tools_not_checked", server=fact.server, reason=exc.message, fix=exc.fix)
            self._arrived = anyio.Event()
            with anyio.move_on_after(STORE_RETRY_S):
                await self._arrived.wait()
            return
        except StoreError as exc:
            self._log.error("tools_refused", server=fact.server, reason=exc.message, fix=exc.fix)
        self._waiting.popleft()

    async def take(self, fact: ToolsListed) -> None:
        """Accept, pin or hold back the tools of one list. One of a server that is not wanted any more is nothing."""
        async with self._one_at_a_time:
            await self._take(fact)

    async def _take(self, fact: ToolsListed) -> None:
        if fact.server not in self._specs:
            return
        self._latest[fact.server] = fact
        pins = await self._definitions.pins(fact.server)
        verdict = sort_tools(pins, fact.tools)
        if verdict.new_pins:
            await self._definitions.pin(fact.server, _with_canonical(verdict.accepted, set(verdict.new_pins)))
        # Also with none: a change that the server took back waits no longer.
        names = {tool.ref.tool for tool in verdict.quarantined}
        await self._definitions.hold(fact.server, _with_canonical(verdict.quarantined, set(names)))
        if names:
            self._log.warning(
                "tools_quarantined", server=fact.server, tools=sorted(names), fix=f"mcp-gateway approve {fact.server}"
            )
        await self._definitions.remember_tools(fact.server, verdict.accepted)
        self._held[fact.server] = tuple(tool.ref.tool for tool in verdict.quarantined)
        self._shown[fact.server] = verdict.accepted
        self._tell()

    async def refresh(self, server: ServerName) -> None:
        """Look at a server's latest list again, because its pins changed."""
        async with self._one_at_a_time:
            if latest := self._latest.get(server):
                await self._take(latest)

    def counts(self, server: ServerName) -> tuple[int, int]:
        """Return how many tools of a server are shown and how many are held back."""
        return len(self._shown.get(server, ())), len(self._held.get(server, ()))

    def _tell(self) -> None:
        self._show({name: self._part(spec) for name, spec in self._specs.items()})

    def _part(self, spec: ServerSpec) -> ServerTools:
        latest = self._latest.get(spec.name)
        return ServerTools(
            prefix=spec.prefix,
            description=spec.description or (latest.server_title if latest else ""),
            tools=self._shown.get(spec.name, ()),
            quarantined=self._held.get(spec.name, ()),
            session=spec.session,
        )


def _with_canonical(tools: Iterable[Tool], names: set[str]) -> dict[str, tuple[str, str]]:
    return {t.ref.tool: (definition_hash(t), canonical_definition(t)) for t in tools if t.ref.tool in names}
