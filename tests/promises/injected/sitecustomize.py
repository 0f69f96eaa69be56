"""Put first on PYTHONPATH, this makes faults of the machine: a stalled main thread, a calendar that jumps.

SIGUSR2 keeps the main thread for STALL_S seconds. While the file HOUSEKEEPING_HANGS exists, the supervisor's look at
its dead does not come back, as if /proc hung; what is else noticed within a minute is to be within TICK_LIMIT_S
then. `time.time` is off by the number in the file WALL_OFFSET, which may change at any moment; the monotonic clock is
left alone, as a changed calendar leaves it alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path


def stall(_number: int, _frame: object) -> None:
    """Come back late."""
    time.sleep(float(os.environ["STALL_S"]))


def jumping(real: object, file: Path) -> object:
    """A calendar that is off by what the file says."""

    def wall() -> float:
        offset = 0.0
        with contextlib.suppress(OSError, ValueError):
            offset = float(file.read_text())
        return real() + offset  # type: ignore[operator]

    return wall


def hanging(file: Path) -> None:
    """Let the supervisor's round hang in its worker thread."""
    from gateway.daemon import lag
    from gateway.supervisor import supervisor

    real = supervisor.Undertaker.round

    def round_(undertaker: supervisor.Undertaker) -> int:
        while file.exists():
            time.sleep(0.05)
        return real(undertaker)

    supervisor.Undertaker.round = round_  # type: ignore[method-assign]
    supervisor.HOUSEKEEPING_S = 0.2  # type: ignore[misc]
    lag.TICK_LIMIT_S = float(os.environ["TICK_LIMIT_S"])  # type: ignore[misc]


if "HOUSEKEEPING_HANGS" in os.environ:
    hanging(Path(os.environ["HOUSEKEEPING_HANGS"]))
if "STALL_S" in os.environ:
    signal.signal(signal.SIGUSR2, stall)
if "WALL_OFFSET" in os.environ:
    time.time = jumping(time.time, Path(os.environ["WALL_OFFSET"]))  # type: ignore[assignment]
