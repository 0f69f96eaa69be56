"""What the catalogue is asked with, and what it tells besides listings. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from gateway.store.listings.wording import plain_name


class Known(msgspec.Struct, frozen=True, array_like=True):
    """A listing that many know: what a lookalike would imitate. `title` is folded."""

    source: str
    name: str
    use_count: int
    verified: int
    repository: str | None
    title: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which listings a search is about; None: all."""

    sources: tuple[str, ...] | None = None
    verified: bool | None = None
    remote: bool | None = None
    namespace: str | None = None

    def where(self) -> tuple[str, list[object]]:
        """Return the condition in SQL and its parameters."""
        conditions, params = ["is_alive"], list[object]()
        if self.sources is not None:
            marks = ", ".join("?" * len(self.sources))
            # The plus: an index of sources would be the worst way to find a few names among tens of thousands.
            conditions, params = [*conditions, f"+source IN ({marks})"], [*params, *self.sources]
        if self.verified is not None:
            conditions, params = [*conditions, "verified = ?"], [*params, int(self.verified)]
        if self.remote is not None:  # unknown: perhaps
            conditions, params = [*conditions, "(remote IS NULL OR remote = ?)"], [*params, int(self.remote)]
        if self.namespace:
            start = f"{plain_name(self.namespace)}/"
            conditions, params = [*conditions, "substr(plain, 1, ?) = ?"], [*params, len(start), start]
        return " AND ".join(conditions), params


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Track:
    """How a server did here: its starts (also first handshakes), those that failed or broke off, its newest calls."""

    starts_ok: int = 0
    starts_failed: int = 0
    calls: int = 0
    errors: int = 0
