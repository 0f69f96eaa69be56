"""Several logs as one."""

from __future__ import annotations

from gateway.supervisor.keeping.merging import MergedFollower, merged_tail
from gateway.supervisor.processes.ring import LineRing


def ring(*lines: str) -> LineRing:
    made = LineRing()
    for line in lines:
        made.add(line)
    return made


def test_one_log_alone_is_itself() -> None:
    assert merged_tail(ring("a", "b", "c"), [], 2) == ["b", "c"]


def test_lines_of_callers_own_children_bear_their_names() -> None:
    others = [("alice/1", ring("x")), ("bob/2", ring("y", "z"))]
    assert merged_tail(ring("a"), others, 100) == ["a", "[alice/1] x", "[bob/2] y", "[bob/2] z"]


def test_a_chatterbox_leaves_room_for_the_others() -> None:
    others = [("loud", ring(*"0123456789")), ("quiet", ring("x"))]
    assert merged_tail(ring("a"), others, 5) == ["a", "[loud] 7", "[loud] 8", "[loud] 9", "[quiet] x"]
    assert len(merged_tail(ring(*"abc"), [("n", ring(*"abc"))], 1)) == 1
    assert merged_tail(ring("a"), others, 0) == []


def test_those_who_come_are_followed_from_their_first_line_on_and_those_who_go_are_forgotten() -> None:
    shared, one = ring("old"), ring("older")
    follower = MergedFollower(shared, [("one", one)])
    assert follower.news(shared, [("one", one)]) == []
    two = ring("new")
    one.add("more")
    assert follower.news(shared, [("one", one), ("two", two)]) == ["[one] more", "[two] new"]
    shared.add("mine")
    assert follower.news(shared, [("two", two)]) == ["mine"]
    assert follower.news(None, []) == ["[mcp-gateway] it is no longer here; waiting for it to come back"]
