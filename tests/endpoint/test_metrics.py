"""Metrics from facts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.endpoint.metrics import Metrics
from gateway.facts import (
    BreakerMoved,
    CallFinished,
    ChildExited,
    DecisionMade,
    RegistryDrifted,
    Rewarded,
    ServerForgotten,
    StateChanged,
    ToolsListed,
    WarmStart,
)
from gateway.model import Decision, DecisionKind, ServerName
from tests.endpoint.fakes import tool
from tests.fakes import FakeClock

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


def test_the_loops_worst_delay_is_asked_for_when_read(metrics: Metrics) -> None:
    worst = [0.25]
    metrics.watch_lag(lambda: worst[0])
    assert "mcp_gateway_event_loop_lag_seconds 0.25" in lines(metrics)


def test_the_supervisors_rows_are_asked_for_when_read(metrics: Metrics) -> None:
    rows: list[dict[str, object]] = []
    metrics.watch_servers(lambda: rows)
    assert not any('server="git"' in line for line in lines(metrics))
    rows.append({"name": "git", "health": "healthy", "rss_bytes": 5})
    assert 'mcp_gateway_child_rss_bytes{server="git"} 5.0' in lines(metrics)


def test_a_forgotten_server_leaves_nothing_and_counts_anew_when_it_comes_back(metrics: Metrics) -> None:
    metrics(StateChanged(0, S, "starting", "healthy", ""))
    metrics(StateChanged(0, S, "ready", "healthy", ""))
    metrics(ChildExited(0, S, 1, None, "ended", cause="exit"))
    metrics(BreakerMoved(0, S, None, "open", ""))
    metrics(WarmStart(0, S, "used"))
    metrics(CALL)
    metrics(ToolsListed(0, S, (tool("git", "t"),), "2025-11-25"))
    assert 'mcp_gateway_server_tools{server="git"} 1.0' in lines(metrics)
    metrics(ServerForgotten(0, S))
    assert not any('server="git"' in line for line in lines(metrics))
    for late in (StateChanged(0, S, "stopped", "healthy", ""), ChildExited(0, S, 0, None, "stopped"), CALL):
        metrics(late)
    assert not any('server="git"' in line for line in lines(metrics))
    metrics(StateChanged(0, S, "starting", "healthy", ""))
    metrics(CALL)
    labels = 'method="tools/call",outcome="ok",server="git"'
    assert f"mcp_server_operation_duration_seconds_count{{{labels}}} 1.0" in lines(metrics)


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


async def test_what_is_told_is_spelled_anew_once_it_is_old_enough(clock: FakeClock) -> None:
    metrics, asked = Metrics("9.9.9", clock), 0

    def rows() -> list[dict[str, object]]:
        nonlocal asked
        asked += 1
        return [{"name": "git", "rss_bytes": asked}]

    metrics.watch_servers(rows)
    assert b'mcp_gateway_child_rss_bytes{server="git"} 1.0' in await metrics.told()
    assert b'mcp_gateway_child_rss_bytes{server="git"} 2.0' in await metrics.told()  # it took no time: nothing is saved
    metrics._fresh_until = clock.now() + 1
    assert b'mcp_gateway_child_rss_bytes{server="git"} 2.0' in await metrics.told()
    clock.advance(1)
    assert b'mcp_gateway_child_rss_bytes{server="git"} 3.0' in await metrics.told()


async def test_the_loops_tasks_are_counted(metrics: Metrics) -> None:
    assert b"mcp_gateway_tasks 1.0" in await metrics.told()


def test_every_metric_is_explained_in_the_reference(metrics: Metrics) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    metrics.watch_servers(list)
    names = {line.split()[2] for line in lines(metrics) if line.startswith("# TYPE")}
    ours = {name for name in names if not name.startswith("process_") and not name.endswith("_created")}
    assert len(ours) > 20
    assert {name for name in ours if f"`{name}`" not in page} == set()
