"""`Breakers`: the breakers of one child, of the whole server and of each tool that failed. No I/O, no clock.

A tool's breaker counts that tool's calls. The server's counts all of them, since the last answer that any tool gave;
it opens only when at least two different tools failed in that time: one bad tool among many that are not being called
must not take the others with it, and where only one tool is called, its own breaker says the same.

The end of a process fails all its open calls at once: that is one failure, for each tool and for the server.

An error as an answer shows that the server lives; it may be the caller's own fault. So it never counts for the server,
and for its tool only when at least two parties got one since the tool's last success. A refusal that is about the whole
server counts for the server alone, whichever tools were called.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gateway.model import HealthPolicy
from gateway.supervisor.health.breaker import Breaker, BreakerState

MIN_TOOLS: Final = 2
"""Different tools that must have failed before the server itself is suspected."""

MIN_PARTIES: Final = 2
"""Different callers that must have got an error before the tool itself is suspected: one may call it wrongly."""

MAX_TOOLS: Final = 1000


@dataclass(frozen=True, slots=True)
class Move:
    """One breaker's new state. `tool` None: the server's."""

    tool: str | None
    state: BreakerState
    reason: str
    retry_s: float | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a call is held back; `tool` None: for the server's sake."""

    tool: str | None
    reason: str
    retry_s: float


class Pass(msgspec.Struct, frozen=True):
    """One call that was let through."""

    tool: str
    server_era: int
    tool_era: int
    party: str = ""


@dataclass(slots=True)
class _Complaints:
    """Errors that a tool answered with since its last success. `parties`: to whom, as far as that matters."""

    parties: set[str] = field(default_factory=set)
    uncounted: int = 0

    def add(self, party: str) -> int:
        """One more; return how many of them count by now and were not counted before."""
        self.uncounted += 1
        if len(self.parties) < MIN_PARTIES:
            self.parties.add(party)
        if len(self.parties) < MIN_PARTIES:
            return 0
        count, self.uncounted = self.uncounted, 0
        return count


class Breakers:
    """Asked before each call, told after it. `moves` collects what changed until it is taken."""

    def __init__(self, policy: HealthPolicy) -> None:
        self._policy = policy
        self._server = Breaker(policy)
        self._tools: dict[str, Breaker] = {}
        self._complaints: dict[str, _Complaints] = {}
        self._failing: set[str] = set()
        self._incidents: dict[str | None, object] = {}
        self._moves: list[Move] = []

    def adopt(self, policy: HealthPolicy) -> None:
        """Use another policy from now on."""
        self._policy = policy
        for breaker in (self._server, *self._tools.values()):
            breaker.policy = policy

    def held(self, tool: str, now: float) -> Hold | None:
        """Say why a call of this tool may not go through now."""
        if not self._failing and tool not in self._tools and self._server.state is BreakerState.CLOSED:
            return None
        for name, breaker in ((None, self._server), (tool, self._tools.get(tool))):
            if breaker is not None and breaker.state is not BreakerState.CLOSED:
                self._note(name, breaker, now, moved=breaker.poll(now))
                retry_s = breaker.held_s(now)
                if retry_s is not None:
                    return Hold(name, breaker.reason, max(0.0, retry_s))
        return None

    def admit(self, tool: str, party: str = "") -> Pass:
        """Let a call of one party through that is not held."""
        breaker = self._tools.get(tool)
        return Pass(tool, self._server.admit(), breaker.admit() if breaker is not None else 0, party)

    def succeeded(self, passed: Pass, now: float) -> None:
        """The server answered this call, with a result or with a reasonable error."""
        self._lives(now)
        self._complaints.pop(passed.tool, None)
        breaker = self._tools.get(passed.tool)
        if breaker is not None:
            self._note(passed.tool, breaker, now, moved=breaker.succeeded())

    def complained(self, passed: Pass, now: float, reason: str) -> None:
        """The server answered this call with an error that its arguments may have caused."""
        self._lives(now)
        tool = passed.tool
        if tool not in self._complaints and len(self._complaints) >= MAX_TOOLS:
            return
        count = self._complaints.setdefault(tool, _Complaints()).add(passed.party)
        breaker = self._breaker(tool) if count else self._tools.get(tool)
        if breaker is None:
            return
        if not count:
            breaker.undecided(passed.tool_era)
        elif breaker.failed(now, reason, passed.tool_era, count=count):
            del self._complaints[tool]  # a trial needs two parties as well to speak against it
            self._note(tool, breaker, now, moved=True)

    def refused(self, passed: Pass, now: float, reason: str) -> None:
        """The server takes no calls now, of whichever tool."""
        self._failing.add(passed.tool)
        self._note(None, self._server, now, moved=self._server.failed(now, reason, passed.server_era))
        breaker = self._tools.get(passed.tool)
        if breaker is not None:
            breaker.undecided(passed.tool_era)

    def failed(self, passed: Pass, now: float, reason: str, incident: object = None) -> None:
        """This call failed. Failures of the same `incident` count once."""
        tool, breaker = passed.tool, self._breaker(passed.tool)
        if breaker is not None and self._is_new(tool, incident):
            self._note(tool, breaker, now, moved=breaker.failed(now, reason, passed.tool_era))
        self._failing.add(tool)
        if self._is_new(None, incident):
            suspected = len(self._failing) >= MIN_TOOLS
            moved = self._server.failed(now, reason, passed.server_era, may_open=suspected)
            self._note(None, self._server, now, moved=moved)

    def undecided(self, passed: Pass) -> None:
        """This call ended without saying anything: it was cancelled, or never sent."""
        self._server.undecided(passed.server_era)
        breaker = self._tools.get(passed.tool)
        if breaker is not None:
            breaker.undecided(passed.tool_era)

    def came_up(self, now: float) -> None:
        """The server was started anew: what it could not do before says nothing. What a tool could not, does."""
        self._failing.clear()
        self._note(None, self._server, now, moved=self._server.close())

    def poll(self, now: float) -> None:
        """Let pauses pass."""
        for name, breaker in ((None, self._server), *self._tools.items()):
            if breaker.state is BreakerState.OPEN:
                self._note(name, breaker, now, moved=breaker.poll(now))

    def take_moves(self) -> list[Move]:
        """Return what changed since the last time."""
        moves, self._moves = self._moves, []
        return moves

    @property
    def has_moved(self) -> bool:
        """Whether there is something to take."""
        return bool(self._moves)

    def server_row(self, now: float) -> dict[str, Any]:
        """Return the server's breaker for the status."""
        return _row(self._server, now)

    def tool_rows(self, now: float) -> list[dict[str, Any]]:
        """Return the tools' breakers that are not closed, by name."""
        return [
            {"tool": tool, **_row(breaker, now)}
            for tool, breaker in sorted(self._tools.items())
            if breaker.state is not BreakerState.CLOSED
        ]

    def _lives(self, now: float) -> None:
        """The server answers."""
        if self._failing:
            self._failing.clear()
            self._note(None, self._server, now, moved=self._server.succeeded())

    def _breaker(self, tool: str) -> Breaker | None:
        """The tool's, if there is one or room for one."""
        breaker = self._tools.get(tool)
        if breaker is None and len(self._tools) < MAX_TOOLS:
            breaker = self._tools[tool] = Breaker(self._policy)
        return breaker

    def _is_new(self, name: str | None, incident: object) -> bool:
        if incident is None:
            return True
        known = self._incidents.get(name)
        self._incidents[name] = incident
        return known is not incident

    def _note(self, name: str | None, breaker: Breaker, now: float, *, moved: bool) -> None:
        if moved:
            retry_s = breaker.held_s(now)
            self._moves.append(Move(name, breaker.state, breaker.reason, retry_s))


def _row(breaker: Breaker, now: float) -> dict[str, Any]:
    retry_s = breaker.held_s(now)
    return {
        "state": breaker.state.value,
        "retry_s": None if retry_s is None else round(max(0.0, retry_s), 3),
        "reason": breaker.reason,
    }
