"""`Calls`: the pending table of one connection: who waits for which wire id. No I/O."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

Token = TypeVar("Token")

MAX_ABANDONED: Final = 4096
"""Abandoned calls that are remembered until their answer comes; most servers never answer them."""


class Calls(Generic[Token]):
    """Hands out wire ids (1, 2, ...) and finds the waiting token again.

    Answers to abandoned calls are `late`, second answers are `repeated`, answers to ids never given are `unknown`;
    all are counted and otherwise ignored.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, Token] = {}
        self._abandoned: dict[int, None] = {}
        self._next = 1
        self.late = 0
        self.repeated = 0
        self.unknown = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self, token: Token) -> int:
        """Remember `token` and return its wire id."""
        wire_id = self._next
        self._next += 1
        self._waiting[wire_id] = token
        return wire_id

    def find(self, wire_id: int | str | None) -> Token | None:
        """Return who waits for this id, without ending the wait."""
        return self._waiting.get(wire_id) if isinstance(wire_id, int) else None

    def answered(self, wire_id: int | str) -> Token | None:
        """End the wait and return its token; None (and counted) when nobody waits."""
        number = _as_number(wire_id)
        if number in self._waiting:
            return self._waiting.pop(number)
        if number in self._abandoned:
            del self._abandoned[number]
            self.late += 1
        elif 0 < number < self._next:
            self.repeated += 1
        else:
            self.unknown += 1
        return None

    def abandon(self, wire_id: int) -> bool:
        """Stop waiting; say whether somebody did wait."""
        if self._waiting.pop(wire_id, None) is None:
            return False
        self._abandoned[wire_id] = None
        if len(self._abandoned) > MAX_ABANDONED:
            del self._abandoned[next(iter(self._abandoned))]
        return True

    def orphans(self) -> list[Token]:
        """The stream is over: end all waits and return their tokens, oldest first."""
        tokens = list(self._waiting.values())
        self._waiting.clear()
        return tokens


def _as_number(wire_id: int | str) -> int:
    """Some servers echo a number as a string; nothing else is ours."""
    if isinstance(wire_id, int):
        return wire_id
    return int(wire_id) if wire_id.isascii() and wire_id.isdigit() and len(wire_id) < 16 else 0
