"""What several children of one server wrote to stderr, as one log. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.supervisor.processes.following import Follower
from gateway.supervisor.processes.ring import LineRing

Named = Sequence[tuple[str, LineRing]]


def merged_tail(shared: LineRing, others: Named, count: int) -> list[str]:
    """Return the newest lines of all, `count` at most, each one's lines together; those of others bear their name.

    Who wrote little is shown in full, what is left is shared by those who wrote much.
    """
    tails = [shared.tail(count), *([f"[{name}] {line}" for line in ring.tail(count)] for name, ring in others)]
    left, fair = count, {}
    for done, index in enumerate(sorted(range(len(tails)), key=lambda one: len(tails[one]))):
        fair[index] = min(len(tails[index]), left // (len(tails) - done))
        left -= fair[index]
    return [line for index, tail in enumerate(tails) for line in tail[len(tail) - fair[index] :]]


class MergedFollower:
    """Follows the log of a server and those of its callers' own children, as they come and go."""

    def __init__(self, shared: LineRing, others: Named) -> None:
        self._shared = Follower(shared)
        self._others = {ring: Follower(ring) for _, ring in others}

    def news(self, shared: LineRing | None, others: Named) -> list[str]:
        """Return the lines that came since the last look; None: there is no such server now."""
        lines = self._shared.news(shared)
        before, self._others = self._others, {}
        for name, ring in others:
            self._others[ring] = follower = before.get(ring) or Follower(LineRing())
            lines += [f"[{name}] {line}" for line in follower.news(ring)]
        return lines
