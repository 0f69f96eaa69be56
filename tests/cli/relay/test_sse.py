"""Events out of lines."""

from __future__ import annotations

import pytest

from gateway.cli.relay import sse


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_events_are_gathered_from_lines(end: bytes) -> None:
    lines = [b": ping", b"", b"id: 7", b"data: {", b"data: }", b"", b"event: x", b"data:b", b"", b"data: cut off"]

    found = list(sse.events(line + end for line in lines))

    assert found == [sse.Event(b"{\n}", "7"), sse.Event(b"b")]
