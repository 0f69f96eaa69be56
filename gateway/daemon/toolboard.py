"""Which tools of which servers are shown: listed facts are checked against the pins, then told to the endpoint.

A tool seen for the first time is pinned; a changed one is held back until somebody approves it, and stays away when
somebody rejects it. A changed title or changed instructions of a server are held back likewise. What was last accepted
is remembered, so that `tools/list` is answered before any child is up. What looks suspicious is labelled, not blocked.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread
import structlog

from gateway.daemon.pinning import canonical_definition, canonical_server, definition_hash, sort_tools, text_hash
from gateway.endpoint.toolset import ServerTools
from gateway.errors import StoreError, StoreUnavailable
from gateway.facts import Fact, ServerForgotten, ToolsListed
from gateway.model import ServerName, ServerSpec, Tool, ToolName
from gateway.protocol.scanning.labels import Label, Others, scan_server
from gateway.store.definitions import ITSELF, Definitions

STORE_RETRY_S = 5.0  # a full disk is looked at again this soon

ShowTools = Callable[[Mapping[ServerName, ServerTools]], None]
"""Told every wanted server's tools whenever they, or the wanted servers, changed."""


@dataclass(slots=True)
class _Known:
    """What is known of one server's definitions."""

    shown: tuple[Tool, ...] = ()
    held: tuple[ToolName, ...] = ()  # changed, and waiting for a decision
    rejected: tuple[ToolName, ...] = ()  # changed, and answered with no
    title: str = ""  # the approved one
    instructions: str = ""
    itself_held: bool = False  # title or instructions changed
    labels: tuple[Label, ...] = field(default=())


class ToolBoard:
    """A listener of facts and the task that acts on them; the store decides what is pinned."""

    def __init__(self, definitions: Definitions, show: ShowTools) -> None:
        self._definitions = definitions
        self._show = show
        self._known: dict[ServerName, _Known] = {}
        self._latest: dict[ServerName, ToolsListed] = {}
        self._logged: dict[ServerName, set[Label]] = {}
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
            self._known.pop(fact.server, None)
            self._latest.pop(fact.server, None)
            self._tell()

    async def recall(self) -> None:
        """Take up the tools that were last accepted, as far as their servers are wanted."""
        for server, tools in (await self._definitions.known_tools()).items():
            known = _Known(shown=tools)
            await self._look_up(server, known)
            self._known[server] = known
        for server, known in self._known.items():
            said = {"title": known.title, "instructions": known.instructions}
            known.labels = await anyio.to_thread.run_sync(_labels, said, known.shown, self._foreign(server))

    def want(self, specs: Iterable[ServerSpec]) -> None:
        """Show tools of these servers only."""
        self._specs = {spec.name: spec for spec in specs}
        for server, known in self._known.items():
            if server not in self._specs:
                known.shown = ()
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

    def knows(self, server: ServerName) -> bool:
        """Whether this server's tools were seen before: they can be shown although it does not run."""
        known = self._known.get(server, _Known())
        return bool(known.shown or known.held or known.rejected)

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
        except Exception:  # noqa: BLE001 - a definition that breaks us costs its server's tools, not the daemon
            self._log.exception("tools_broke", server=fact.server)
        self._waiting.popleft()

    async def take(self, fact: ToolsListed) -> None:
        """Accept, pin or hold back the tools of one list. One of a server that is not wanted any more is nothing."""
        async with self._one_at_a_time:
            await self._take(fact)

    async def _take(self, fact: ToolsListed) -> None:
        if fact.server not in self._specs:
            return
        self._latest[fact.server] = fact
        approved = await self._definitions.approved(fact.server)
        pins = {pin.tool: pin.hash for pin in approved}
        # Approved by their hash alone, as a configuration may do: what they say is kept once it is seen.
        unseen = {pin.tool for pin in approved if not pin.canonical}
        verdict = sort_tools(pins, fact.tools)
        itself = canonical_server(fact.server_title, fact.instructions)
        fresh = _with_canonical(verdict.accepted, set(verdict.new_pins) | unseen)
        changed = _with_canonical(verdict.quarantined, {tool.ref.tool for tool in verdict.quarantined})
        if pins.get(ITSELF) != text_hash(itself):
            (changed if ITSELF in pins else fresh)[ITSELF] = (text_hash(itself), itself)
        elif ITSELF in unseen:
            fresh[ITSELF] = (text_hash(itself), itself)
        if fresh:
            await self._definitions.pin(fact.server, fresh)
        # Also with none: a change that the server took back waits no longer.
        await self._definitions.hold(fact.server, changed)
        await self._definitions.remember_tools(fact.server, verdict.accepted)
        known = _Known(shown=verdict.accepted)
        await self._look_up(fact.server, known)
        said = {"title": fact.server_title, "instructions": fact.instructions}
        # In a thread: a definition may be megabytes of whatever its server likes.
        known.labels = await anyio.to_thread.run_sync(_labels, said, fact.tools, self._foreign(fact.server))
        self._known[fact.server] = known
        self._warn(fact, known)
        self._tell()

    async def _look_up(self, server: ServerName, known: _Known) -> None:
        """Fill in what the store knows: what waits, what was rejected, what the server may say of itself."""
        changes = await self._definitions.changes(server)
        tools = [change for change in changes if change.tool != ITSELF]
        known.held = tuple(ToolName(change.tool) for change in tools if not change.is_rejected)
        known.rejected = tuple(ToolName(change.tool) for change in tools if change.is_rejected)
        known.itself_held = any(change.tool == ITSELF and not change.is_rejected for change in changes)
        for pin in await self._definitions.approved(server, ITSELF):
            if pin.canonical:
                said = json.loads(pin.canonical)
                known.title, known.instructions = said["title"], said["instructions"]

    def _warn(self, fact: ToolsListed, known: _Known) -> None:
        """Log what a person should look at: changes that wait, and labels that were not there before."""
        if known.held or known.itself_held:
            self._log.warning(
                "tools_quarantined",
                server=fact.server,
                tools=sorted(known.held),
                instructions=known.itself_held,
                fix=f"mcp-gateway approve {fact.server} --dry-run",
            )
        if known.labels and set(known.labels) != self._logged.get(fact.server):
            self._logged[fact.server] = set(known.labels)
            self._log.warning(
                "definitions_labelled",
                server=fact.server,
                kinds=sorted({label.kind for label in known.labels}),
                tools=sorted({label.tool or "" for label in known.labels}),
                fix=f"mcp-gateway show {fact.server} --installed",
            )

    def _foreign(self, server: ServerName) -> frozenset[str]:
        return frozenset(
            str(tool.ref.tool) for name, known in self._known.items() if name != server for tool in known.shown
        )

    async def refresh(self, server: ServerName) -> None:
        """Look at a server's latest list again, because its pins changed."""
        async with self._one_at_a_time:
            if latest := self._latest.get(server):
                await self._take(latest)

    def counts(self, server: ServerName) -> tuple[int, int]:
        """Return how many tools of a server are shown and how many are held back."""
        known = self._known.get(server, _Known())
        return len(known.shown), len(known.held)

    def notes(self, server: ServerName) -> dict[str, Any]:
        """What else `status` tells of a server's definitions."""
        known = self._known.get(server, _Known())
        return {
            "rejected_tools": len(known.rejected),
            "instructions_held": known.itself_held,
            "labels": len(known.labels),
        }

    def _tell(self) -> None:
        self._show({name: self._part(spec) for name, spec in self._specs.items()})

    def _part(self, spec: ServerSpec) -> ServerTools:
        known = self._known.get(spec.name, _Known())
        return ServerTools(
            prefix=spec.prefix,
            description=spec.description or known.title,
            tools=known.shown,
            quarantined=(*known.held, *known.rejected),
            session=spec.session,
        )


def _labels(said: Mapping[str, str], tools: Iterable[Tool], foreign: Collection[str]) -> tuple[Label, ...]:
    return tuple(scan_server([said, *(json.loads(tool.definition) for tool in tools)], Others(foreign)))


def _with_canonical(tools: Iterable[Tool], names: set[str]) -> dict[str, tuple[str, str]]:
    return {t.ref.tool: (definition_hash(t), canonical_definition(t)) for t in tools if t.ref.tool in names}
