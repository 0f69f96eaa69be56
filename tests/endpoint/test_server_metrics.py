"""Metrics from the supervisor's rows."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from gateway.endpoint.server_metrics import ServerFigures


def shown(*rows: dict[str, Any]) -> set[str]:
    registry, figures = CollectorRegistry(), ServerFigures(lambda: rows)
    registry.register(figures)
    figures.look()
    return set(generate_latest(registry).decode().splitlines())


FULL = {
    "name": "git", "state": "ready", "health": "degraded", "queued": 2, "in_flight": 3, "rss_bytes": 1024,
    "open_fds": 9, "tasks": 4, "stderr_bytes": 77, "cpu_seconds": 1.5, "late_answers": 6, "noise": 8,
}  # fmt: skip


def test_everything_that_a_row_says_is_a_sample_of_its_server() -> None:
    text = shown(FULL)
    for line in (
        'mcp_gateway_queue_depth{server="git"} 2.0',
        'mcp_gateway_server_inflight_calls{server="git"} 3.0',
        'mcp_gateway_child_rss_bytes{server="git"} 1024.0',
        'mcp_gateway_child_open_fds{server="git"} 9.0',
        'mcp_gateway_child_tasks{server="git"} 4.0',
        'mcp_gateway_child_cpu_seconds_total{server="git"} 1.5',
        'mcp_gateway_stderr_bytes_total{server="git"} 77.0',
        'mcp_gateway_late_answers_total{server="git"} 6.0',
        'mcp_gateway_protocol_errors_total{kind="noise",server="git"} 8.0',
        'mcp_gateway_server_state{server="git",state="ready"} 1.0',
        'mcp_gateway_server_state{server="git",state="stopped"} 0.0',
        'mcp_gateway_server_up{server="git"} 1.0',
        'mcp_gateway_server_health{health="degraded",server="git"} 1.0',
        'mcp_gateway_server_health{health="healthy",server="git"} 0.0',
    ):
        assert line in text


def test_what_a_row_does_not_know_has_no_sample() -> None:
    text = shown({"name": "far", "state": "failed", "health": "healthy", "rss_bytes": None, "pid": None})
    assert 'mcp_gateway_server_up{server="far"} 0.0' in text
    told = {line.partition("{")[0] for line in text if 'server="far"' in line}
    assert told == {"mcp_gateway_server_health", "mcp_gateway_server_state", "mcp_gateway_server_up"}


def test_protocol_errors_are_told_by_kind_where_the_row_tells_kinds() -> None:
    text = shown(
        {
            "name": "git",
            "state": "ready",
            "health": "healthy",
            "protocol_errors": {"bad_utf8": 2, "unknown_id": 1},
            "noise": 3,
        }
    )
    assert 'mcp_gateway_protocol_errors_total{kind="bad_utf8",server="git"} 2.0' in text
    assert not any('kind="noise"' in line for line in text)


def test_a_server_that_is_gone_has_no_sample_any_more() -> None:
    rows = [FULL]
    registry, figures = CollectorRegistry(), ServerFigures(lambda: list(rows))
    registry.register(figures)
    figures.look()
    assert b'server="git"' in generate_latest(registry)
    rows.clear()
    figures.look()
    assert b'server="git"' not in generate_latest(registry)
