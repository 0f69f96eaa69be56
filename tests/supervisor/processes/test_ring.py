"""The last lines of a child."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.supervisor.processes.ring import BURST_LINES, RING_LINES, LineRing


def test_the_newest_lines_are_kept_oldest_first() -> None:
    ring = LineRing()
    ring.feed(b"one\ntwo\r\n\nthree\nunfin")
    assert ring.tail(3) == ["two", "three", "unfin"]
    assert ring.tail(0) == []


def test_old_lines_make_room() -> None:
    ring = LineRing(size=30)
    ring.feed(b"".join(b"line %d\n" % n for n in range(100)))
    assert ring.tail(10) == ["line 96", "line 97", "line 98", "line 99"]
    assert sum(map(len, ring.tail(100))) <= 30


def test_a_flood_without_newlines_is_cut() -> None:
    ring = LineRing(line_size=10)
    for _ in range(1000):
        ring.feed(b"x" * 1000)
    assert ring.tail(5) == ["x" * 10]
    assert ring.total_bytes == 1_000_000


def test_of_a_burst_of_tiny_lines_only_the_newest_are_looked_at_and_all_are_counted() -> None:
    ring = LineRing()
    ring.feed(b"unfinished ")
    ring.feed(b"".join(b"%d\n" % n for n in range(BURST_LINES + 10)))
    assert ring.total_lines == BURST_LINES + 10
    assert ring.tail(BURST_LINES + 10)[0] == "10"


def test_each_line_is_cleaned() -> None:
    ring = LineRing(clean=lambda text: text.replace("hunter2", "***"))
    ring.feed(b"password=hunter2\nhunter2")
    assert ring.tail(2) == ["password=***", "***"]


def test_a_log_cannot_drive_the_terminal_it_is_read_on() -> None:
    ring = LineRing()
    ring.feed(b"\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x00\n")
    assert ring.tail(1) == ["red bell"]


def test_a_follower_gets_each_line_once() -> None:
    ring = LineRing()
    ring.feed(b"a\nb\n")
    seen = ring.total_lines
    assert ring.since(seen) == []
    ring.feed(b"c\nd\n")
    assert (ring.since(seen), ring.since(0)) == (["c", "d"], ["a", "b", "c", "d"])


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_any_bytes_in_any_pieces_stay_within_the_size(pieces: list[bytes]) -> None:
    ring = LineRing(size=100, line_size=20)
    for piece in pieces:
        ring.feed(piece)
    assert sum(map(len, ring.tail(1000))) <= 100 + 2 * 20


def test_a_whole_line_that_is_too_long_is_cut_as_well() -> None:
    ring = LineRing(line_size=10)
    ring.add("x" * 10_000_000)
    assert ring.tail(1) == ["x" * 10]


def test_tiny_lines_are_bounded_by_their_number() -> None:
    ring = LineRing()
    for _ in range(RING_LINES // 1000 + 2):
        ring.feed(b"x\n" * 1000)
    assert len(ring.tail(10**6)) == RING_LINES


def test_each_line_is_cleaned_by_what_was_in_force_when_it_came() -> None:
    ring = LineRing(clean=lambda text: text.replace("old", "***"))
    ring.feed(b"old new\n")
    ring.clean = lambda text: text.replace("new", "***")
    ring.feed(b"old new\n")
    assert ring.tail(2) == ["*** new", "old ***"]
