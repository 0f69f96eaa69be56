"""`LineFramer`: bytes in, lines out, with a limit. Knows nothing of JSON. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LINE_CAP: Final = 16 * 1024 * 1024
"""Longest accepted line in bytes: larger than any sane answer, small enough to hold one per child."""

EDGE: Final = 256
"""How much of both ends of a skipped line is kept: enough to find the id of the answer that it was."""


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line longer than the cap was skipped; `head` and `tail` are its ends."""

    head: bytes
    tail: bytes


class LineFramer:
    """Cuts a byte stream at newlines. Memory is bounded by the cap, time is linear in the input.

    An over-long line is reported once, when its newline arrives, and costs nothing but its two ends.
    """

    def __init__(self, cap: int = LINE_CAP) -> None:
        self._cap = cap
        self._held = bytearray()
        self._head = b""
        self._tail = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | Overlong]:
        """Take the next bytes; return the lines they complete, without newline and trailing carriage return."""
        out: list[bytes | Overlong] = []
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._take(piece)
            out.append(self._finish())
        self._take(rest)
        return out

    def end(self) -> bytes | Overlong | None:
        """The stream is over: return the unfinished line, if there is one."""
        return self._finish() if self._held or self._skipping else None

    def _take(self, piece: bytes) -> None:
        if self._skipping:
            self._head = self._head if len(self._head) >= EDGE else (self._head + piece)[:EDGE]
            self._tail = (self._tail + piece)[-EDGE:] if len(piece) < EDGE else piece[-EDGE:]
            return
        self._held += piece
        if len(self._held) > self._cap:
            self._skipping = True
            self._head, self._tail = bytes(self._held[:EDGE]), bytes(self._held[-EDGE:])
            self._held = bytearray()

    def _finish(self) -> bytes | Overlong:
        if self._skipping:
            self._skipping = False
            return Overlong(self._head, self._tail)
        line = bytes(self._held)
        self._held.clear()
        return line[:-1] if line.endswith(b"\r") else line
