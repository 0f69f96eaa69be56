"""Server-sent events: bytes in, events out, with a limit. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.protocol.framing import LINE_CAP, LineFramer, Overlong


@dataclass(frozen=True, slots=True)
class ServerSent:
    """One event; `data` is its lines joined by newlines."""

    data: bytes
    event: str = "message"
    id: str = ""


class SseReader:
    """Reads an event stream; an event longer than the cap is dropped and reported as None."""

    def __init__(self, cap: int = LINE_CAP) -> None:
        self._lines = LineFramer(cap)
        self._cap = cap
        self._reset()

    def _reset(self) -> None:
        self._data: list[bytes] = []
        self._size = 0
        self._event = "message"
        self._id = ""
        self._broken = False

    def feed(self, data: bytes) -> list[ServerSent | None]:
        """Take the next bytes and return the events they complete."""
        out: list[ServerSent | None] = []
        for line in self._lines.feed(data):
            if line == b"":
                out.extend(self._finish())
            else:
                self._field(line)
        return out

    def _finish(self) -> list[ServerSent | None]:
        done: list[ServerSent | None] = []
        if self._broken:
            done.append(None)
        elif self._data:
            done.append(ServerSent(b"\n".join(self._data), self._event, self._id))
        self._reset()
        return done

    def _field(self, line: bytes | Overlong) -> None:
        if isinstance(line, Overlong):
            self._broken = True
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value)
            self._broken = self._broken or self._size > self._cap
            if not self._broken:
                self._data.append(value)
        elif name == b"event":
            self._event = value.decode(errors="replace")
        elif name == b"id":
            self._id = value.decode(errors="replace")
