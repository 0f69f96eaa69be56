"""The calls of a little while ago, so that an agent can rate them by id or by tool. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MAX_CALLS = 10_000


@dataclass(frozen=True, slots=True)
class RecentCall:
    """One finished call; `owner` is the key of the caller who made it."""

    call_id: str
    owner: str
    exposed: str
    decision_id: str | None


class RecentCalls:
    """Remembers the latest calls of everybody."""

    def __init__(self) -> None:
        self._calls: OrderedDict[str, RecentCall] = OrderedDict()
        self._latest: dict[tuple[str, str], str] = {}

    def note(self, call: RecentCall) -> None:
        """Remember a finished call."""
        self._calls[call.call_id] = call
        self._latest[call.owner, call.exposed] = call.call_id
        while len(self._calls) > MAX_CALLS:
            old, gone = self._calls.popitem(last=False)
            if self._latest.get((gone.owner, gone.exposed)) == old:
                del self._latest[gone.owner, gone.exposed]

    def by_id(self, call_id: str) -> RecentCall | None:
        """The call of that id, whoever made it."""
        return self._calls.get(call_id)

    def latest(self, owner: str, exposed: str) -> RecentCall | None:
        """The owner's latest call of that tool."""
        call_id = self._latest.get((owner, exposed))
        return self._calls.get(call_id) if call_id is not None else None
