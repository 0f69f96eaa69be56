"""Facts about servers as Prometheus metrics. A forgotten server's series vanish. No I/O."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.clock import Clock
from gateway.facts import (
    BreakerMoved,
    ChildExited,
    Fact,
    ServerForgotten,
    StateChanged,
    ToolsListed,
    WarmStart,
)

ENDED_ON_REQUEST = frozenset({"stopped", "idle"})
BREAKER = {"closed": 0.0, "half_open": 1.0, "open": 2.0}
START_BUCKETS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)


class ServerCounts:
    """A listener of facts; it takes what concerns servers as such."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self._clock = clock
        own, one = registry, ["server"]
        self._tools = Gauge("mcp_gateway_server_tools", "Tools that a server lists.", one, registry=own)
        about = "Ended children that were wanted, by cause."
        self._restarts = Counter("mcp_gateway_server_restarts", about, [*one, "reason"], registry=own)
        about = "From the decision to start a server to its first ready moment."
        self._starts = Histogram(
            "mcp_gateway_server_start_duration_seconds", about, one, buckets=START_BUCKETS, registry=own
        )
        about = "A server's breaker: 0 closed, 1 half open, 2 open."
        self._breaker = Gauge("mcp_gateway_breaker_state", about, one, registry=own)
        about = "Moves of breakers, of servers and of their tools."
        self._breaker_moves = Counter("mcp_gateway_breaker_moves", about, [*one, "scope", "state"], registry=own)
        about = "Servers that were started before anybody called."
        self._prestarts = Counter("mcp_gateway_prestarts", about, [*one, "outcome"], registry=own)
        self._states: dict[str, str] = {}
        self._starting: dict[str, float] = {}

    def __call__(self, fact: Fact) -> None:
        """Count one fact."""
        match fact:
            case StateChanged():
                self._moved(fact.server, fact.state)
            case ChildExited():
                if fact.was_wanted and fact.cause not in ENDED_ON_REQUEST:
                    self._restarts.labels(fact.server, fact.cause or "unknown").inc()
            case ToolsListed():
                self._tools.labels(fact.server).set(len(fact.tools))
            case BreakerMoved():
                self._breaker_moved(fact)
            case WarmStart():
                self._prestarts.labels(fact.server, fact.outcome).inc()
            case ServerForgotten():
                self._forget(fact.server)
            case _:
                pass

    def _moved(self, server: str, state: str) -> None:
        before, self._states[server] = self._states.get(server), state
        if before is None:
            self._breaker.labels(server).set(0)
        if state == "starting":
            if before != "starting":
                self._starting[server] = self._clock.now()
        elif (since := self._starting.pop(server, None)) is not None and state == "ready":
            self._starts.labels(server).observe(self._clock.now() - since)

    def _breaker_moved(self, fact: BreakerMoved) -> None:
        scope = "server" if fact.tool is None else "tool"
        self._breaker_moves.labels(fact.server, scope, fact.state).inc()
        if fact.tool is None:
            self._breaker.labels(fact.server).set(BREAKER.get(fact.state, 0.0))

    def _forget(self, server: str) -> None:
        self._states.pop(server, None)
        self._starting.pop(server, None)
        for metric in (
            self._tools, self._restarts, self._starts, self._breaker, self._breaker_moves, self._prestarts,
        ):  # fmt: skip
            metric.remove_by_labels({"server": server})
