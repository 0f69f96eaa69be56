"""Facts to whoever listens: synchronous, bounded by its listeners, never failing the publisher."""

from __future__ import annotations

import structlog

from gateway.facts import Fact, Publish


class Bus:
    """Hands each fact to each listener in order; a listener that raises is logged and carried on past."""

    def __init__(self) -> None:
        self._listeners: list[Publish] = []
        self._log = structlog.get_logger("bus")

    def subscribe(self, listener: Publish) -> None:
        """Add a listener; it must not block."""
        self._listeners.append(listener)

    def publish(self, fact: Fact) -> None:
        """Tell everybody."""
        for listener in self._listeners:
            try:
                listener(fact)
            except Exception:  # noqa: BLE001 - a fact is told while a call is answered: learning must not fail it
                self._log.exception("listener_failed", fact=type(fact).__name__)
