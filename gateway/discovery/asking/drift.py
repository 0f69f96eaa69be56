"""Counts how a registry's answers differ from their stated shapes, and tells it as facts. No I/O."""

from __future__ import annotations

from gateway.clock import Clock
from gateway.discovery.parsing.shapes import OTHER, UNKNOWN, Drift, Shape, drift_of
from gateway.facts import Fact, Publish, RegistryDrifted

MAX_UNKNOWN = 50  # distinct unknown names of one registry: they become labels of a metric
MAX_KINDS = 400  # distinct differences in all; the shapes bound the rest


def nobody(_: Fact) -> None:
    """Tell nobody."""


class DriftMeter:
    """Counts per field and kind since it was made; they need not survive a restart."""

    def __init__(self, source: str, clock: Clock, publish: Publish = nobody) -> None:
        self._source = source
        self._clock = clock
        self._publish = publish
        self._counts: dict[tuple[str, str], int] = {}
        self._unknown: set[str] = set()

    def look(self, value: object, shape: Shape) -> None:
        """Compare one answer with its shape, count the differences and tell them."""
        for drift in drift_of(value, shape):
            field = self._bounded(drift)
            if (field, drift.kind) not in self._counts and len(self._counts) >= MAX_KINDS:
                field = OTHER
            self._counts[field, drift.kind] = self._counts.get((field, drift.kind), 0) + drift.count
            self._publish(RegistryDrifted(self._clock.wall(), self._source, field, drift.kind, drift.count))

    def counts(self) -> tuple[Drift, ...]:
        """Return what was counted, by field."""
        return tuple(Drift(field, kind, count) for (field, kind), count in sorted(self._counts.items()))

    def _bounded(self, drift: Drift) -> str:
        if drift.kind != UNKNOWN or drift.field in self._unknown:
            return drift.field
        if len(self._unknown) >= MAX_UNKNOWN:
            return OTHER
        self._unknown.add(drift.field)
        return drift.field
