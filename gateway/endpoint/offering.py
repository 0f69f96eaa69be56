"""Which tools a client is shown, in which order: the policy's decisions turned into lists. Answers from memory."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import structlog

from gateway.clock import Clock
from gateway.endpoint import builtin_definitions
from gateway.endpoint.context import RequestContext
from gateway.endpoint.decisions import Decisions, Kept
from gateway.endpoint.ports import Chooser
from gateway.endpoint.rounds import Rounds
from gateway.endpoint.settings import EndpointConfig, Profile
from gateway.endpoint.toolset import Entry, Toolset
from gateway.facts import DecisionMade, Publish
from gateway.model import ChooseRequest, Decision, DecisionKind


class View:
    """What one profile shows of the current toolset."""

    def __init__(self, toolset: Toolset, profile: Profile, *, installs: bool) -> None:
        self.profile = profile
        self.entries: Mapping[str, Entry] = profile.visible(toolset.entries)
        servers = {e.tool.ref.server: toolset.servers.get(e.tool.ref.server, "") for e in self.entries.values()}
        tools = builtin_definitions.definitions(servers, installs=installs) if profile.builtins else {}
        self.builtins: Mapping[str, bytes] = tools


class Offering:
    """Lists and searches; one decision each, told as a fact."""

    def __init__(
        self, *, chooser: Chooser, publish: Publish, clock: Clock, rounds: Rounds, config: EndpointConfig
    ) -> None:
        self.decisions = Decisions()
        self.toolset = Toolset()
        self.config = config
        self._chooser = chooser
        self._publish = publish
        self._clock = clock
        self._rounds = rounds
        self._views: dict[str, View] = {}
        self._edition = 0  # a changed configuration ends the lists in force, as a changed toolset does
        self._log = structlog.get_logger("endpoint")

    def show(self, toolset: Toolset) -> None:
        """Offer these tools from now on."""
        self.toolset = toolset
        self._views.clear()

    def configure(self, config: EndpointConfig) -> None:
        """Offer by these settings from now on."""
        self.config = config
        self._edition += 1
        self._views.clear()

    def view(self, profile: str) -> View:
        """What a profile shows. KeyError when there is no such profile."""
        view = self._views.get(profile)
        if view is None:
            found = self.config.profile(profile)
            if found is None:
                raise KeyError(profile)
            view = self._views[profile] = View(self.toolset, found, installs=self.config.on_demand != "off")
        return view

    def listing(self, ctx: RequestContext) -> Kept:
        """The tools array for this caller now: the list in force, or a new decision."""
        now = self._clock.now()
        version = f"{self.toolset.version}.{self._edition}"
        kept = self.decisions.in_force(ctx.key, version, now)
        if kept is None:
            round_ = self._rounds.begin(ctx.caller, now) if ctx.modern else ctx.round
            view = self.view(ctx.caller.profile)
            names, decision = self._order(view, ctx, round_)
            tools = b"[" + b",".join([view.entries[name].definition for name in names]) + self._own(view, names) + b"]"
            kept = Kept(version, tools, now + self.config.list_ttl_s if ctx.modern else math.inf)
            self.decisions.keep(ctx.key, kept, decision)
        return kept

    def find(self, ctx: RequestContext, query: str, limit: int) -> tuple[list[Entry], Decision | None]:
        """The tools that fit a query best: always a new decision."""
        view = self.view(ctx.caller.profile)
        request = ChooseRequest(
            DecisionKind.FIND, ctx.caller, ctx.round, query, limit, tuple(view.entries), session=ctx.sid
        )
        decision = self._decide(request)
        if decision is None:
            return list(view.entries.values())[:limit], None
        self.decisions.note(ctx.key, decision)
        return [view.entries[name] for name in decision.shown if name in view.entries][:limit], decision

    def _order(self, view: View, ctx: RequestContext, round_: int) -> tuple[list[str], Decision | None]:
        always = view.profile.always(view.entries)
        if view.profile.mode == "all":
            return list(view.entries), None
        if view.profile.mode == "search":
            return always, None
        pinned = set(always)
        candidates = tuple(name for name in view.entries if name not in pinned)
        room = max(0, view.profile.max_listed - len(always) - len(view.builtins))
        if not candidates or not room:
            return always, None
        task = ctx.caller.task
        request = ChooseRequest(DecisionKind.LIST, ctx.caller, round_, task, room, candidates, session=ctx.sid)
        decision = self._decide(request)
        chosen = candidates if decision is None else [name for name in decision.shown if name in view.entries]
        return [*always, *chosen[:room]], decision

    def _own(self, view: View, listed: Collection[str]) -> bytes:
        own = b",".join(view.builtins.values())
        return b"," + own if own and listed else own

    def _decide(self, request: ChooseRequest) -> Decision | None:
        try:
            decision = self._chooser.decide(request)
        except Exception:  # noqa: BLE001 - a list without a policy is worse ordered; no list leaves an agent without tools
            self._log.exception("decision_failed", kind=request.kind)
            return None
        self._publish(DecisionMade(decision))
        return decision
