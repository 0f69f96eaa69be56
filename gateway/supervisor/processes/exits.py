"""How a process ended, in words, from the number that `Popen.wait` returns. No I/O."""

from __future__ import annotations

import signal
from typing import Final

from gateway.supervisor.causes import Cause
from gateway.supervisor.ports import Gone

_OF_LIMITS: Final = {"SIGXFSZ": " (a file reached its LimitFSIZE)", "SIGXCPU": " (its processor time is up)"}


def describe(returncode: int) -> Gone:
    """Say how a process ended: a status, or (negative) a signal."""
    if returncode >= 0:
        return Gone(f"exited with status {returncode}", code=returncode)
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    return Gone(f"killed by {name}{_OF_LIMITS.get(name, '')}", signal=name, cause=Cause.SIGNAL)
