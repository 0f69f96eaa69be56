"""Since when servers have not been ready, although they are wanted. A listener of facts. No I/O."""

from __future__ import annotations

from gateway.facts import Fact, ServerForgotten, StateChanged
from gateway.model import ServerName

WELL = frozenset({"ready", "stopped"})  # stopped: somebody wanted that
TROUBLE = frozenset({"backoff", "failed"})


class Downtime:
    """Counts from the first trouble until a server is ready again; tries in between change nothing."""

    def __init__(self) -> None:
        self._since: dict[ServerName, float] = {}

    def __call__(self, fact: Fact) -> None:
        """Take note; never waits."""
        if isinstance(fact, ServerForgotten) or (isinstance(fact, StateChanged) and fact.state in WELL):
            self._since.pop(fact.server, None)
        elif isinstance(fact, StateChanged) and fact.state in TROUBLE:
            self._since.setdefault(fact.server, fact.at)

    def seconds(self, server: ServerName, now: float) -> float:
        """For how long a server has been in trouble; `now` in seconds since the epoch."""
        return max(0.0, now - self._since.get(server, now))
