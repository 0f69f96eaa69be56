"""Which tools cannot be called now: held back by a breaker, or of a server that has given up. No I/O, no clock.

Nothing is learned from that and nothing forgotten: while it lasts, such a tool counts as one that never runs, and
stands at the end of every order; afterwards it stands where it stood. A breaker's pause passes by itself, so that its
tool is shown again before anybody was told: else nobody would ever try it. `now` is monotonic seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from gateway.facts import BreakerMoved, ServerForgotten, StateChanged
from gateway.model import ToolCard

NEVER: Final = 1e-9
"""The reliability of a tool that cannot be called: no relevance weighs that up."""

_FAILED: Final = "\x00failed"  # a tool's name has no such character


class Outages:
    """Listens to three facts; asked at each decision."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str | None], tuple[float, str]] = {}

    def heard(self, fact: object, now: float) -> None:
        """Take notice of a fact; others than those three mean nothing here."""
        match fact:
            case BreakerMoved():
                self._set((fact.server, fact.tool), fact.state == "open", now + (fact.retry_s or 0.0), fact.reason)
            case StateChanged():
                self._set((fact.server, _FAILED), fact.state == "failed", math.inf, fact.reason)
            case ServerForgotten():
                self._until = {key: value for key, value in self._until.items() if key[0] != fact.server}
            case _:
                pass

    def of(self, cards: Mapping[str, ToolCard], now: float) -> dict[str, str]:
        """Return those of these tools that cannot be called now, by id, with the reason."""
        if not self._until:
            return {}
        self._until = {key: value for key, value in self._until.items() if value[0] > now}
        servers = {server for server, _ in self._until}
        found: dict[str, str] = {}
        for name, card in cards.items():
            if card.server not in servers:
                continue
            for scope in (_FAILED, None, card.name):
                known = self._until.get((card.server, scope))
                if known is not None:
                    found[name] = known[1]
                    break
        return found

    def _set(self, key: tuple[str, str | None], is_out: bool, until: float, reason: str) -> None:
        if not is_out:
            self._until.pop(key, None)
        else:
            what = "its server has failed" if key[1] == _FAILED else "held back"
            self._until[key] = (until, f"{what}: {reason}")
