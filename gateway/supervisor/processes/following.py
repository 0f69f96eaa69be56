"""`Follower`: what is new in a server's log, also when another child has taken over since. No I/O."""

from __future__ import annotations

from typing import Final

from gateway.supervisor.processes.ring import LineRing

MOST_LINES: Final = 500
"""Lines told in one look; nobody reads faster, and what reads for them must not fall behind."""


class Follower:
    """Remembers how far a log was told."""

    def __init__(self, ring: LineRing) -> None:
        self._ring: LineRing | None = ring
        self._seen = ring.total_lines

    def news(self, ring: LineRing | None) -> list[str]:
        """Return the lines that came since the last look; None: there is no such server now, which is told once.

        Where too many came, the newest are told, and how many were left out.
        """
        if ring is None:
            was_there, self._ring = self._ring is not None, None
            return ["[mcp-gateway] it is no longer here; waiting for it to come back"] if was_there else []
        if ring is not self._ring:
            self._ring, self._seen = ring, 0  # another child: all that it has said is new
        lines = ring.since(self._seen)[-MOST_LINES:]
        left_out = ring.total_lines - self._seen - len(lines)
        self._seen = ring.total_lines
        return ([f"[mcp-gateway] {left_out} lines left out"] if left_out else []) + lines
