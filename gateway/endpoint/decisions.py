"""Which decisions are in force, and to which one a call belongs. No I/O.

A list stays the same while its decision is in force: in the legacy era as long as the session lives and the toolset is
the same, in the modern era for a bounded time.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from gateway.model import Caller, Decision

MAX_KEYS = 4096
RECENT_DECISIONS = (
    16  # per key: an agent that searches more than this between a search and its call is not learned from
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A list in force: its tools array as bytes, and until when (monotonic seconds)."""

    version: str
    tools: bytes
    expires: float


@dataclass(slots=True)
class _Memory:
    kept: Kept | None = None
    recent: deque[tuple[str, frozenset[str]]] = field(default_factory=lambda: deque(maxlen=RECENT_DECISIONS))


def decision_key(caller: Caller, sid: str) -> str:
    """Whose decisions these are: a session's, or without one the caller's."""
    return f"session\x1f{sid}\x1f{caller.profile}" if sid else caller.key


class Decisions:
    """Remembers per key the list in force and the latest decisions; forgets the keys used least recently."""

    def __init__(self) -> None:
        self._memories: OrderedDict[str, _Memory] = OrderedDict()

    def in_force(self, key: str, version: str, now: float) -> Kept | None:
        """The list that this key was given, if it still holds."""
        kept = self._memory(key).kept
        return kept if kept is not None and kept.version == version and now < kept.expires else None

    def keep(self, key: str, kept: Kept, decision: Decision | None) -> None:
        """Put a list in force, with the decision that ordered it (if one did)."""
        self._memory(key).kept = kept
        if decision is not None:
            self.note(key, decision)

    def note(self, key: str, decision: Decision) -> None:
        """Remember a decision that this key saw."""
        self._memory(key).recent.append((decision.id, frozenset(decision.shown)))

    def showing(self, key: str, name: str) -> str | None:
        """The newest decision of this key that showed the tool."""
        for decision_id, shown in reversed(self._memory(key).recent):
            if name in shown:
                return decision_id
        return None

    def _memory(self, key: str) -> _Memory:
        memory = self._memories.setdefault(key, _Memory())
        self._memories.move_to_end(key)
        while len(self._memories) > MAX_KEYS:
            self._memories.popitem(last=False)
        return memory
