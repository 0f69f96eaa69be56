"""Metrics of servers, from facts."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from gateway.endpoint.server_counts import ServerCounts
from gateway.facts import BreakerMoved, ChildExited, ServerForgotten, StateChanged, WarmStart
from gateway.model import ServerName
from tests.fakes import FakeClock

S = ServerName("git")


class Counted:
    """The counts with a registry of their own."""

    def __init__(self, clock: FakeClock) -> None:
        self._registry = CollectorRegistry()
        self.take = ServerCounts(self._registry, clock)

    def lines(self) -> set[str]:
        return set(generate_latest(self._registry).decode().splitlines())


@pytest.fixture(name="counts")
def _counts(clock: FakeClock) -> Counted:
    return Counted(clock)


def test_exits_count_as_restarts_by_cause_unless_they_were_asked_for(counts: Counted) -> None:
    counts.take(ChildExited(0, S, None, "SIGKILL", "killed", cause="oom"))
    counts.take(ChildExited(0, S, None, "SIGKILL", "killed", cause="oom"))
    counts.take(ChildExited(0, S, None, "SIGKILL", "no answer", cause="hang"))
    counts.take(ChildExited(0, S, 0, None, "stopped", cause="stopped", was_wanted=False))
    counts.take(ChildExited(0, S, 0, None, "nobody used it", cause="idle"))
    found = sorted(line for line in counts.lines() if line.startswith("mcp_gateway_server_restarts_total"))
    assert found == [
        'mcp_gateway_server_restarts_total{reason="hang",server="git"} 1.0',
        'mcp_gateway_server_restarts_total{reason="oom",server="git"} 2.0',
    ]


def test_a_start_is_timed_from_its_decision_to_ready_whatever_the_calendar_does(clock: FakeClock) -> None:
    counts = Counted(clock)
    for state, after_s in (("starting", 1.5), ("ready", 60.0), ("backoff", 1.0), ("starting", 2.0), ("failed", 0.0)):
        counts.take(StateChanged(clock.wall(), S, state, "healthy", ""))
        clock.jump_wall(-3600)
        clock.advance(after_s)
    text = counts.lines()
    assert 'mcp_gateway_server_start_duration_seconds_count{server="git"} 1.0' in text
    assert 'mcp_gateway_server_start_duration_seconds_sum{server="git"} 1.5' in text


def test_breakers_show_where_they_are_and_count_their_moves(counts: Counted) -> None:
    counts.take(StateChanged(0, S, "ready", "healthy", ""))
    assert 'mcp_gateway_breaker_state{server="git"} 0.0' in counts.lines()
    counts.take(BreakerMoved(0, S, None, "open", "five failures", 30.0))
    counts.take(BreakerMoved(0, S, "log", "open", "five failures", 30.0))
    counts.take(BreakerMoved(0, S, None, "half_open", "time to try"))
    text = counts.lines()
    assert 'mcp_gateway_breaker_state{server="git"} 1.0' in text
    assert 'mcp_gateway_breaker_moves_total{scope="server",server="git",state="open"} 1.0' in text
    assert 'mcp_gateway_breaker_moves_total{scope="tool",server="git",state="open"} 1.0' in text


def test_starts_ahead_of_calls_are_counted_by_what_became_of_them(counts: Counted) -> None:
    for outcome in ("started", "started", "used", "wasted"):
        counts.take(WarmStart(0, S, outcome))
    text = counts.lines()
    assert 'mcp_gateway_prestarts_total{outcome="started",server="git"} 2.0' in text
    assert 'mcp_gateway_prestarts_total{outcome="wasted",server="git"} 1.0' in text


def test_a_forgotten_server_leaves_nothing(counts: Counted) -> None:
    for fact in (
        StateChanged(0, S, "starting", "healthy", ""),
        StateChanged(0, S, "ready", "healthy", ""),
        ChildExited(0, S, 1, None, "ended", cause="exit"),
        BreakerMoved(0, S, None, "open", ""),
        WarmStart(0, S, "used"),
        ServerForgotten(0, S),
        ServerForgotten(0, S),
    ):
        counts.take(fact)
    assert not any('server="git"' in line for line in counts.lines())
