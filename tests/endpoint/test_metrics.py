"""Metrics from facts."""

from __future__ import annotations

import msgspec
import pytest

from gateway.endpoint.metrics import Metrics
from gateway.facts import (
    CallFinished,
    ChildExited,
    DecisionMade,
    RegistryDrifted,
    Rewarded,
    ServerForgotten,
    StateChanged,
    ToolsListed,
)
from gateway.model import Decision, DecisionKind, ServerName
from tests.endpoint.fakes import tool

S = ServerName("git")
CALL = CallFinished(
    call_id="c", at=0, principal="p", agent="a", run="r", round=1, session="s", profile="", server="git", tool="t",
    exposed="git__t", via="direct", decision_id=None, outcome="ok", error_code=None, latency_s=0.3, bytes_in=1,
    bytes_out=1, args_hmac="x",
)  # fmt: skip


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("9.9.9")


def lines(metrics: Metrics) -> set[str]:
    return set(metrics.render().decode().splitlines())


def test_calls_are_timed_by_server_and_outcome(metrics: Metrics) -> None:
    metrics(CALL)
    metrics(msgspec.structs.replace(CALL, outcome="timeout"))
    text = lines(metrics)
    labels = 'method="tools/call",outcome="ok",server="git"'
    assert f"mcp_server_operation_duration_seconds_count{{{labels}}} 1.0" in text
    assert f'mcp_server_operation_duration_seconds_bucket{{le="0.5",{labels}}} 1.0' in text
    assert not any("git__t" in line for line in text)


def test_a_server_is_in_one_state(metrics: Metrics) -> None:
    for state in ("starting", "ready"):
        metrics(StateChanged(0, S, state, "healthy", ""))
    text = lines(metrics)
    assert 'mcp_gateway_server_state{server="git",state="ready"} 1.0' in text
    assert 'mcp_gateway_server_state{server="git",state="starting"} 0.0' in text
    assert 'mcp_gateway_server_up{server="git"} 1.0' in text


def test_exits_count_as_restarts_unless_they_were_asked_for(metrics: Metrics) -> None:
    metrics(StateChanged(0, S, "ready", "healthy", ""))
    metrics(ChildExited(0, S, None, "SIGKILL", "killed"))
    metrics(StateChanged(0, S, "stopping", "healthy", ""))
    metrics(ChildExited(0, S, 0, None, "stopped"))
    assert 'mcp_gateway_server_restarts_total{server="git"} 1.0' in lines(metrics)


def test_a_forgotten_server_leaves_the_gauges(metrics: Metrics) -> None:
    metrics(StateChanged(0, S, "ready", "healthy", ""))
    metrics(ToolsListed(0, S, (tool("git", "t"),), "2025-11-25"))
    assert 'mcp_gateway_server_tools{server="git"} 1.0' in lines(metrics)
    metrics(ServerForgotten(0, S))
    assert not any('server="git"' in line for line in lines(metrics))


def test_decisions_rewards_and_refusals_are_counted(metrics: Metrics) -> None:
    decision = Decision("d", DecisionKind.FIND, 0, "k", "", "", 1, (), (), 0, "v", "t")
    metrics(DecisionMade(decision))
    metrics(Rewarded("r", "c", None, 0, "rating", 1, 1, ""))
    metrics.rejected("auth")
    text = lines(metrics)
    assert 'mcp_gateway_decisions_total{kind="find"} 1.0' in text
    assert 'mcp_gateway_rewards_total{source="rating"} 1.0' in text
    assert 'mcp_gateway_rejected_total{reason="auth"} 1.0' in text


def test_calls_in_flight_are_asked_for_when_read(metrics: Metrics) -> None:
    count = [0]
    metrics.watch_in_flight(lambda: count[0])
    count[0] = 3
    assert "mcp_gateway_inflight_requests 3.0" in lines(metrics)


def test_the_build_and_the_process_are_told(metrics: Metrics) -> None:
    text = "\n".join(lines(metrics))
    assert 'version="9.9.9"' in text
    assert "process_resident_memory_bytes" in text


def test_differences_of_a_registrys_answers_are_counted_by_source_and_field(metrics: Metrics) -> None:
    metrics(RegistryDrifted(0, "smithery", "servers[].useCount", "type", 3))
    metrics(RegistryDrifted(1, "smithery", "servers[].useCount", "missing"))
    assert 'mcp_gateway_registry_drift_total{field="servers[].useCount",source="smithery"} 4.0' in lines(metrics)
