"""Where a registry is and how it may be asked. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CONNECT_S = 3.0  # to make a connection; a reachable registry needs a fraction of a second
HURRIED_CONNECT_S = 1.5  # the same, when an old answer is at hand
HURRIED_S = 5.0  # to be answered when an old answer is at hand; the registry's own command line grants as much


@dataclass(frozen=True, slots=True)
class Access:
    """One registry. Durations in seconds; `label` is its name for people; `headers` go with every request to it."""

    label: str
    base_url: str
    api_key: str = field(default="", repr=False)
    rate: str = "5/s"
    burst: int = 10
    timeout_s: float = 10.0
    retry_cap_s: float = 30.0
    key_fix: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def deadline_s(self) -> float:
        """How long one question may take with everything: retries, waits asked for, our own rate."""
        return self.timeout_s + self.retry_cap_s

    def timeout_of(self, *, hurried: bool) -> float:
        """How long one request may take; `hurried`: an old answer is at hand."""
        return min(self.timeout_s, HURRIED_S) if hurried else self.timeout_s

    def connect_of(self, *, hurried: bool) -> float:
        """How long making its connection may take."""
        return min(self.timeout_s, HURRIED_CONNECT_S if hurried else CONNECT_S)
