"""Server-sent events: lines in, events out. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its data (lines joined by newlines) and the id to resume after, if it had one."""

    data: bytes
    id: str = ""


def events(lines: Iterable[bytes]) -> Iterator[Event]:
    """Gather lines, with or without their ends, into events; comments and unfinished events are left out."""
    data: list[bytes] = []
    last_id = ""
    for raw in lines:
        line = raw.rstrip(b"\r\n")
        if not line:
            if data or last_id:
                yield Event(b"\n".join(data), last_id)
            data, last_id = [], ""
            continue
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name == b"id":
            last_id = value.decode("utf-8", "replace")
