"""`LineRing`: the last lines that a child printed, within a fixed size. No I/O."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Final

RING_BYTES: Final = 256 * 1024
"""What is kept per child: hours of ordinary logging, nothing in a flood."""

LINE_BYTES: Final = 8 * 1024
"""Longer lines are cut there: a flood without newlines must not count as one line."""


# Terminal sequences and other control characters: a log is read on terminals, and must not be able to drive them.
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\].*?(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _unchanged(text: str) -> str:
    return text


class LineRing:
    """Keeps the newest lines; `clean` is applied to each (for example to blot out secrets)."""

    def __init__(
        self, *, size: int = RING_BYTES, line_size: int = LINE_BYTES, clean: Callable[[str], str] = _unchanged
    ) -> None:
        self._size = size
        self._line_size = line_size
        self.clean = clean
        self._lines: deque[str] = deque()
        self._held = 0
        self._partial = bytearray()
        self.total_bytes = 0
        self.total_lines = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        self.total_bytes += len(data)
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._take(piece)
            self._flush()
        self._take(rest)

    def add(self, line: str) -> None:
        """Take one complete line."""
        cleaned = self.clean(_CONTROL.sub("", line))
        self._lines.append(cleaned)
        self.total_lines += 1
        self._held += len(cleaned)
        while self._held > self._size and len(self._lines) > 1:
            self._held -= len(self._lines.popleft())

    def tail(self, count: int) -> list[str]:
        """Return the newest lines, oldest first, the unfinished one included."""
        lines = list(self._lines)
        if self._partial:
            lines.append(self.clean(_CONTROL.sub("", self._partial.decode(errors="replace"))))
        return lines[-count:] if count > 0 else []

    def since(self, seen: int) -> list[str]:
        """Return the complete lines after the first `seen` ones (as counted by `total_lines`), as far as kept."""
        missing = min(self.total_lines - seen, len(self._lines))
        return list(self._lines)[-missing:] if missing > 0 else []

    def _take(self, piece: bytes) -> None:
        room = self._line_size - len(self._partial)
        self._partial += piece[:room]

    def _flush(self) -> None:
        line = bytes(self._partial)
        self._partial.clear()
        if line.strip():
            self.add(line.rstrip(b"\r").decode(errors="replace"))
