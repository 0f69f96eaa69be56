"""`LineRing`: the last lines that a child printed, within a fixed size. No I/O."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

RING_BYTES: Final = 256 * 1024
"""What is kept per child: hours of ordinary logging, nothing in a flood."""

BURST_LINES: Final = 2000
"""Of what is read at once so many lines are looked at, the newest: a flood of tiny lines must not hold up the loop."""

RING_LINES: Final = 8 * 1024
"""So many at most: each costs more than its bytes, and a flood of tiny ones would cost fifty times as much."""

LINE_BYTES: Final = 8 * 1024
"""Longer lines are cut there: a flood without newlines must not count as one line."""


# Terminal sequences and other control characters: a log is read on terminals, and must not be able to drive them.
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\].*?(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _unchanged(text: str) -> str:
    return text


class LineRing:
    """Keeps the newest lines; `clean` is applied to each (for example to blot out secrets).

    Lines are decoded and cleaned when somebody reads them: in a flood hardly one of them is ever read.
    """

    def __init__(
        self, *, size: int = RING_BYTES, line_size: int = LINE_BYTES, clean: Callable[[str], str] = _unchanged
    ) -> None:
        self._size = size
        self._line_size = line_size
        self.clean = clean
        self._lines: deque[tuple[bytes, Callable[[str], str]]] = deque()
        self._held = 0
        self._partial = bytearray()
        self.total_bytes = 0
        self.total_lines = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        self.total_bytes += len(data)
        *complete, rest = data.split(b"\n")
        if (skipped := len(complete) - BURST_LINES) > 0:
            self.total_lines += skipped
            self._partial.clear()
            del complete[:skipped]
        if complete:
            self._take(complete[0])
            complete[0] = bytes(self._partial)
            self._partial.clear()
        for piece in complete:
            self._keep(piece)
        self._take(rest)

    def add(self, line: str) -> None:
        """Take one complete line; of a longer one than a line may be, its beginning."""
        self._keep(line.encode(errors="replace"))

    def tail(self, count: int) -> list[str]:
        """Return the newest lines, oldest first, the unfinished one included."""
        lines = [*self._lines, (bytes(self._partial), self.clean)] if self._partial else list(self._lines)
        return _read(lines[-count:]) if count > 0 else []

    def since(self, seen: int) -> list[str]:
        """Return the complete lines after the first `seen` ones (as counted by `total_lines`), as far as kept."""
        missing = min(self.total_lines - seen, len(self._lines))
        return _read(list(self._lines)[-missing:]) if missing > 0 else []

    def _take(self, piece: bytes) -> None:
        room = self._line_size - len(self._partial)
        self._partial += piece[:room]

    def _keep(self, piece: bytes) -> None:
        line = piece[: self._line_size].rstrip(b"\r")
        if not line or line.isspace():
            return
        self._lines.append((line, self.clean))
        self.total_lines += 1
        self._held += len(line)
        while (self._held > self._size and len(self._lines) > 1) or len(self._lines) > RING_LINES:
            self._held -= len(self._lines.popleft()[0])


def _read(lines: Iterable[tuple[bytes, Callable[[str], str]]]) -> list[str]:
    return [clean(_CONTROL.sub("", line.decode(errors="replace"))) for line, clean in lines]
