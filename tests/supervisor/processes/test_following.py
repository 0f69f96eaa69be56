"""Following a log."""

from __future__ import annotations

from gateway.supervisor.processes.following import MOST_LINES, Follower
from gateway.supervisor.processes.ring import LineRing


def test_each_new_line_is_told_once() -> None:
    ring = LineRing()
    ring.feed(b"old\n")
    follower = Follower(ring)
    assert follower.news(ring) == []
    ring.feed(b"a\nb\n")
    assert follower.news(ring) == ["a", "b"]
    assert follower.news(ring) == []


def test_a_flood_is_cut_to_its_newest_lines_and_the_others_are_counted() -> None:
    ring = LineRing()
    follower = Follower(ring)
    ring.feed(b"".join(b"line %d\n" % n for n in range(MOST_LINES + 7)))
    told = follower.news(ring)
    assert told[0] == "[mcp-gateway] 7 lines left out"
    assert told[1:] == [f"line {n}" for n in range(7, MOST_LINES + 7)]


def test_lines_that_the_ring_itself_has_lost_are_counted_as_well() -> None:
    ring = LineRing(size=20)
    follower = Follower(ring)
    ring.feed(b"".join(b"line %d\n" % n for n in range(10)))
    assert follower.news(ring)[:2] == ["[mcp-gateway] 7 lines left out", "line 7"]


def test_another_child_is_followed_from_its_first_line() -> None:
    first, second = LineRing(), LineRing()
    follower = Follower(first)
    second.feed(b"new life\n")
    assert follower.news(second) == ["new life"]
    assert follower.news(second) == []


def test_a_server_that_went_away_is_waited_for_and_said_so_once() -> None:
    first, second = LineRing(), LineRing()
    follower = Follower(first)
    assert "no longer here" in follower.news(None)[0]
    assert follower.news(None) == []
    second.feed(b"back\n")
    assert follower.news(second) == ["back"]
