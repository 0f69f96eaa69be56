"""The calls of a little while ago."""

from __future__ import annotations

from gateway.endpoint.recent import MAX_CALLS, RecentCall, RecentCalls


def call(call_id: str, owner: str = "o", exposed: str = "t") -> RecentCall:
    return RecentCall(call_id, owner, exposed, None)


def test_the_latest_call_of_a_tool_is_found_by_its_owner_alone() -> None:
    recent = RecentCalls()
    recent.note(call("c1"))
    recent.note(call("c2"))
    assert recent.latest("o", "t") == call("c2")
    assert recent.latest("other", "t") is None


def test_a_call_is_found_by_its_id() -> None:
    recent = RecentCalls()
    recent.note(call("c1"))
    assert recent.by_id("c1") == call("c1")
    assert recent.by_id("c9") is None


def test_the_oldest_calls_are_forgotten() -> None:
    recent = RecentCalls()
    recent.note(call("first", exposed="rare"))
    for number in range(MAX_CALLS):
        recent.note(call(f"c{number}"))
    assert recent.by_id("first") is None
    assert recent.latest("o", "rare") is None
