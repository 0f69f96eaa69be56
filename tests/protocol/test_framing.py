"""Cutting a byte stream into lines."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.framing import EDGE, LineFramer, Overlong

CAP = 40
STREAMS = st.lists(st.binary(max_size=90).map(lambda b: b.replace(b"\n", b"")), max_size=8).map(b"\n".join)


def feed_all(framer: LineFramer, chunks: list[bytes]) -> list[bytes | Overlong]:
    out = [line for chunk in chunks for line in framer.feed(chunk)]
    rest = framer.end()
    return out if rest is None else [*out, rest]


def test_lines_come_without_their_newlines() -> None:
    assert LineFramer().feed(b"one\ntwo\r\n\nthr") == [b"one", b"two", b""]


def test_the_unfinished_line_is_handed_out_at_the_end() -> None:
    framer = LineFramer()
    framer.feed(b"half a li")
    assert framer.end() == b"half a li"
    assert framer.end() is None


def test_an_overlong_line_is_reported_once_and_the_next_line_is_intact() -> None:
    framer = LineFramer(cap=10)
    assert framer.feed(b"x" * 11 + b"\nnext\n") == [Overlong(b"x" * 11, b"x" * 11), b"next"]


def test_both_ends_of_an_overlong_line_are_kept() -> None:
    (line,) = LineFramer(cap=1000).feed(b"A" * 500 + b"B" * 5000 + b"C" * 500 + b"\n")
    assert line == Overlong(b"A" * EDGE, b"C" * EDGE)


def test_a_line_of_exactly_the_cap_passes() -> None:
    assert LineFramer(cap=10).feed(b"x" * 10 + b"\n") == [b"x" * 10]


@given(STREAMS, st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_chopping_the_stream_differently_changes_nothing(stream: bytes, sizes: list[int]) -> None:
    chunks, at, turn = [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        chunks.append(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert feed_all(LineFramer(CAP), chunks) == feed_all(LineFramer(CAP), [stream])


@given(STREAMS)
def test_every_line_is_either_handed_out_whole_or_reported(stream: bytes) -> None:
    lines = feed_all(LineFramer(CAP), [stream])
    expected = stream.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert len(lines) == len(expected)
    for line, original in zip(lines, expected, strict=True):
        assert isinstance(line, Overlong) == (len(original) > CAP)
        assert isinstance(line, Overlong) or line == original.removesuffix(b"\r")


def test_a_huge_line_costs_linear_time_and_bounded_memory() -> None:
    framer = LineFramer(cap=1024 * 1024)
    began = time.process_time()
    for _ in range(1600):  # 100 MB in pipe-sized pieces
        framer.feed(b"x" * 65536)
    assert framer.feed(b"\nok\n")[-1] == b"ok"
    assert time.process_time() - began < 3
