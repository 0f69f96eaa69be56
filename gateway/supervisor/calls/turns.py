"""`Turns`: who waits for one server, in order, and fairly between callers. No I/O, no clock."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

Token = TypeVar("Token")


class NoRoomError(Exception):
    """As many wait already as may, and the newcomer's own are as many as anybody's."""


class Turns(Generic[Token]):
    """One line per party; the lines take turns, so one party's many never keep another's one waiting for all of them.

    A party is whoever shall be treated alike: one agent's calls. Tokens are compared by identity.
    """

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[Token]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, party: str, token: Token, *, room: int) -> Token | None:
        """Put a token at the end of its party's line.

        When `room` is taken, the newest token of the longest line is sent away (and returned) for a party that has
        fewer waiting by two or more. Raises: NoRoomError when there is no such line.
        """
        displaced = None
        if self._count >= room:
            longest = max(self._lines, key=lambda name: len(self._lines[name]), default=None)
            own = len(self._lines.get(party, ()))
            if room <= 0 or longest is None or len(self._lines[longest]) < own + 2:
                raise NoRoomError
            displaced = self._lines[longest].pop()
            self._count -= 1
        self._lines.setdefault(party, deque()).append(token)
        self._count += 1
        return displaced

    def put_back(self, party: str, token: Token) -> None:
        """Put a token that had its turn in vain in front of all others."""
        self._lines.setdefault(party, deque()).appendleft(token)
        self._lines.move_to_end(party, last=False)
        self._count += 1

    def next(self) -> Token:
        """Take whoever's turn it is. Raises: KeyError when nobody waits."""
        party, line = next(iter(self._lines.items()), ("", deque[Token]()))
        if not line:
            raise KeyError(party)
        token = line.popleft()
        self._count -= 1
        if line:
            self._lines.move_to_end(party)
        else:
            del self._lines[party]
        return token

    def leave(self, party: str, token: Token) -> bool:
        """Take one out who waits no longer; say whether it did wait."""
        line = self._lines.get(party, deque[Token]())
        for at, waiting in enumerate(line):
            if waiting is token:
                del line[at]
                self._count -= 1
                if not line:
                    del self._lines[party]
                return True
        return False

    def take_all(self) -> list[Token]:
        """Take everybody, in the order of their turns."""
        taken = []
        while self._count:
            taken.append(self.next())
        return taken
