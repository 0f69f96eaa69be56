"""When a server with a CPU quota runs and when it is held: the arithmetic of duty cycles. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PERIOD_S: Final = 0.1
"""systemd's (and the kernel's) usual period: within it the quota may be used up at once."""

LEAST_RUN_S: Final = 0.01
"""The kernel counts in such ticks; shorter turns would not be seen."""

LONGEST_HOLD_S: Final = 2.0
"""However deep its debt: it must answer a probe (10 s) although it is held, and be held again afterwards."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What comes next: it runs for so long, or is held for so long."""

    runs: bool
    for_s: float


class Quota:
    """Keeps account of the processor time that a server was allowed and that it took."""

    def __init__(self, cpus: float) -> None:
        self._cpus = cpus
        self._debt_s = 0.0  # what it took beyond what it was allowed
        self._runs = True

    @property
    def debt_s(self) -> float:
        """Processor seconds that it owes; never much below zero: what it did not take is not saved up for later."""
        return self._debt_s

    def next_turn(self, used_s: float, elapsed_s: float) -> Turn:
        """Return what comes next, after it took so much processor time within so much time."""
        self._debt_s = max(-self._cpus * PERIOD_S, self._debt_s + used_s - self._cpus * elapsed_s)
        if self._runs and self._debt_s > 0:
            self._runs = False
            return Turn(False, min(LONGEST_HOLD_S, self._debt_s / self._cpus))
        was_idle, self._runs = self._runs and used_s <= 0, True
        if was_idle:
            return Turn(True, PERIOD_S)
        busy_cpus = max(1.0, used_s / elapsed_s) if elapsed_s > 0 else 1.0
        return Turn(True, min(PERIOD_S, max(LEAST_RUN_S, -self._debt_s / busy_cpus)))
