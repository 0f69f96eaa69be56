"""Prometheus metrics, fed by facts and, while they are read, by the supervisor's rows.

Labels are bounded: servers, states, causes, outcomes; never tools or agents. A forgotten server's series vanish.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable
from functools import cache

import anyio
import anyio.to_thread
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from gateway.clock import Clock, SystemClock
from gateway.endpoint.server_counts import ServerCounts
from gateway.endpoint.server_metrics import Rows, ServerFigures
from gateway.facts import (
    CallFinished,
    DecisionMade,
    Fact,
    RegistryDrifted,
    Rewarded,
    ServerForgotten,
    StateChanged,
)

SPELLING_SHARE = 0.1
BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


def _tasks() -> int:
    """Tasks of the running loop; none where nobody runs one."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return 0


class Metrics:
    """A listener of facts with a registry of its own."""

    def __init__(self, version: str, clock: Clock | None = None) -> None:
        self._clock: Clock = clock or SystemClock()
        self._registry = CollectorRegistry()
        own = self._registry
        self._calls = Histogram(
            "mcp_server_operation_duration_seconds",
            "How long tools/call took, from the request's params to its answer.",
            ["server", "method", "outcome"],
            buckets=BUCKETS,
            registry=own,
        )
        self._servers = ServerCounts(own, self._clock)
        self._lag = Gauge(
            "mcp_gateway_event_loop_lag_seconds", "The event loop's worst delay of the last minute.", registry=own
        )
        self._decisions = Counter("mcp_gateway_decisions", "Decisions of the policy.", ["kind"], registry=own)
        self._rewards = Counter("mcp_gateway_rewards", "Rewards by source.", ["source"], registry=own)
        self._drift = Counter(
            "mcp_gateway_registry_drift",
            "Differences between a registry's answers and their known shape.",
            ["source", "field"],
            registry=own,
        )
        self._rejected = Counter(
            "mcp_gateway_rejected", "Requests refused before anything was done.", ["reason"], registry=own
        )
        self._in_flight = Gauge("mcp_gateway_inflight_requests", "Calls that are being worked on.", registry=own)
        build = Gauge("mcp_gateway_build_info", "Version.", ["version", "python"], registry=own)
        build.labels(version, platform.python_version()).set(1)
        self._tasks = Gauge("mcp_gateway_tasks", "Tasks of the event loop.", registry=own)
        ProcessCollector(registry=self._registry)
        # A labelled child costs more to find than to use.
        self._call_child = cache(self._calls.labels)
        self._forgotten: set[str] = set()
        self._figures: ServerFigures | None = None
        self._spelling = anyio.CapacityLimiter(1)
        self._told, self._fresh_until = b"", 0.0

    def __call__(self, fact: Fact) -> None:
        """Count one fact."""
        server = getattr(fact, "server", None)
        if server in self._forgotten:
            if not (isinstance(fact, StateChanged) and fact.state == "starting"):
                return  # the last words of a child whose server is no longer wanted
            self._forgotten.discard(server)
        match fact:
            case CallFinished():
                self._call_child(fact.server, "tools/call", fact.outcome).observe(fact.latency_s)
            case DecisionMade():
                self._decisions.labels(fact.decision.kind).inc()
            case Rewarded():
                self._rewards.labels(fact.source).inc()
            case RegistryDrifted():
                self._drift.labels(fact.source, fact.field).inc(fact.count)
            case ServerForgotten():
                self._forget(fact)
            case _:
                self._servers(fact)

    def watch_in_flight(self, count: Callable[[], int]) -> None:
        """Ask this for the number of calls in flight whenever somebody reads the metrics."""
        self._in_flight.set_function(count)

    def watch_servers(self, rows: Rows) -> None:
        """Ask this for the supervisor's rows whenever somebody reads the metrics."""
        self._figures = ServerFigures(rows)
        self._registry.register(self._figures)

    def watch_lag(self, worst_s: Callable[[], float]) -> None:
        """Ask this for the event loop's worst recent delay whenever somebody reads the metrics."""
        self._lag.set_function(worst_s)

    def rejected(self, reason: str) -> None:
        """Count a request that the gate refused."""
        self._rejected.labels(reason).inc()

    def render(self) -> bytes:
        """The text exposition."""
        self._look()
        return generate_latest(self._registry)

    async def told(self) -> bytes:
        """The text exposition, spelled beside the event loop: with hundreds of servers that takes its time.

        It may be a little old: so old that spelling takes at most a tenth of the time, however often somebody asks.
        """
        async with self._spelling:
            if self._clock.now() >= self._fresh_until:
                self._look()
                began = self._clock.now()
                self._told = await anyio.to_thread.run_sync(generate_latest, self._registry)
                ended = self._clock.now()
                self._fresh_until = ended + (ended - began) / SPELLING_SHARE
            return self._told

    def _look(self) -> None:
        """Ask for what only the event loop's thread may be asked for."""
        self._tasks.set(_tasks())
        if self._figures is not None:
            self._figures.look()

    def _forget(self, fact: ServerForgotten) -> None:
        self._forgotten.add(fact.server)
        self._servers(fact)
        self._calls.remove_by_labels({"server": fact.server})
        self._call_child = cache(self._calls.labels)  # the old one holds a child that is shown no more
