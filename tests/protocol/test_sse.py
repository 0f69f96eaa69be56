"""Reading event streams."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.sse import ServerSent, SseReader

STREAM = (
    b': hi\r\nevent: message\r\nid: 1\r\ndata: {"a":1}\r\n\r\n'
    b"data:two\ndata: lines\n\n\n\nretry: 5\n\nevent: x\ndata: \xc3\xa9\n\n"
)
EVENTS = [ServerSent(b'{"a":1}', "message", "1"), ServerSent(b"two\nlines"), ServerSent("é".encode(), "x")]


def test_events_are_read_with_their_fields() -> None:
    assert SseReader().feed(STREAM) == EVENTS


@given(st.integers(1, 20))
def test_chopping_the_stream_differently_changes_nothing(size: int) -> None:
    reader = SseReader()
    assert [e for i in range(0, len(STREAM), size) for e in reader.feed(STREAM[i : i + size])] == EVENTS


def test_an_oversized_event_is_reported_and_the_next_is_intact() -> None:
    reader = SseReader(cap=10)
    assert reader.feed(b"data: " + b"x" * 20 + b"\n\ndata: ok\n\n") == [None, ServerSent(b"ok")]


def test_an_event_of_many_lines_is_bounded_too() -> None:
    assert SseReader(cap=10).feed(b"data: 1234\n" * 5 + b"\ndata: ok\n\n") == [None, ServerSent(b"ok")]
