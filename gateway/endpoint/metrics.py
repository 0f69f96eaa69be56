"""Prometheus metrics, fed by facts. Labels are bounded: servers, states, outcomes; never tools or agents."""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from gateway.facts import (
    CallFinished,
    ChildExited,
    DecisionMade,
    Fact,
    RegistryDrifted,
    Rewarded,
    ServerForgotten,
    StateChanged,
    ToolsListed,
)

STATES = ("stopped", "starting", "ready", "stopping", "backoff", "failed")
BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class Metrics:
    """A listener of facts with a registry of its own."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        own = self._registry
        self._calls = Histogram(
            "mcp_server_operation_duration_seconds",
            "How long tools/call took, from the request's params to its answer.",
            ["server", "method", "outcome"],
            buckets=BUCKETS,
            registry=own,
        )
        self._state = Gauge(
            "mcp_gateway_server_state", "1 for the state a server is in.", ["server", "state"], registry=own
        )
        self._up = Gauge("mcp_gateway_server_up", "1 while a server is ready.", ["server"], registry=own)
        self._tools = Gauge("mcp_gateway_server_tools", "Tools that a server lists.", ["server"], registry=own)
        self._restarts = Counter(
            "mcp_gateway_server_restarts", "Ended children that were wanted.", ["server"], registry=own
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
        ProcessCollector(registry=self._registry)
        # A labelled child costs more to find than to use.
        self._call_child = cache(self._calls.labels)
        self._states: dict[str, str] = {}

    def __call__(self, fact: Fact) -> None:
        """Count one fact."""
        match fact:
            case CallFinished():
                self._call_child(fact.server, "tools/call", fact.outcome).observe(fact.latency_s)
            case DecisionMade():
                self._decisions.labels(fact.decision.kind).inc()
            case Rewarded():
                self._rewards.labels(fact.source).inc()
            case RegistryDrifted():
                self._drift.labels(fact.source, fact.field).inc(fact.count)
            case StateChanged() | ChildExited() | ToolsListed() | ServerForgotten():
                self._count_server(fact)
            case _:
                pass

    def _count_server(self, fact: StateChanged | ChildExited | ToolsListed | ServerForgotten) -> None:
        match fact:
            case StateChanged():
                self._moved(fact.server, fact.state)
            case ChildExited():
                # An exit in `stopping` was asked for: that is no restart.
                if self._states.get(fact.server) != "stopping":
                    self._restarts.labels(fact.server).inc()
            case ToolsListed():
                self._tools.labels(fact.server).set(len(fact.tools))
            case ServerForgotten():
                self._forget(fact.server)

    def watch_in_flight(self, count: Callable[[], int]) -> None:
        """Ask this for the number of calls in flight whenever somebody reads the metrics."""
        self._in_flight.set_function(count)

    def rejected(self, reason: str) -> None:
        """Count a request that the gate refused."""
        self._rejected.labels(reason).inc()

    def render(self) -> bytes:
        """The text exposition."""
        return generate_latest(self._registry)

    def _moved(self, server: str, state: str) -> None:
        self._states[server] = state
        for each in STATES:
            self._state.labels(server, each).set(each == state)
        self._up.labels(server).set(state == "ready")

    def _forget(self, server: str) -> None:
        self._states.pop(server, None)
        self._up.remove(server)
        self._tools.remove(server)
        for each in STATES:
            self._state.remove(server, each)
