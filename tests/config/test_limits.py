"""`[server.limits]` and `[server.sandbox]`."""

from __future__ import annotations

from gateway.config.limits import LimitsTable, SandboxTable


def test_the_longest_patience_is_not_below_the_usual_one() -> None:
    assert [key for key, _ in LimitsTable(timeout_s=100, max_timeout_s=10).problems()] == ["timeout_s"]
    assert list(LimitsTable().problems()) == []


def test_what_limits_processes_is_told_from_what_limits_calls() -> None:
    assert LimitsTable(max_in_flight=1, queue_timeout_s=1).of_processes() == []
    assert LimitsTable(MemoryMax="1G", LimitNOFILE="64").of_processes() == ["MemoryMax", "LimitNOFILE"]


def test_no_level_keeps_no_network_away() -> None:
    assert [key for key, _ in SandboxTable(level="none", network="none").problems()] == ["network"]
    assert list(SandboxTable(level="landlock", network="none").problems()) == []
