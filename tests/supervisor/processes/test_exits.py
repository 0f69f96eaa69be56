"""How a process ended, in words."""

from __future__ import annotations

import pytest

from gateway.supervisor.causes import Cause
from gateway.supervisor.processes.exits import describe


def test_a_status_is_an_end_of_its_own() -> None:
    gone = describe(3)
    assert (gone.reason, gone.code, gone.signal, gone.cause) == ("exited with status 3", 3, None, Cause.EXIT)
    assert describe(0).clean


@pytest.mark.parametrize(
    ("number", "name", "reason"),
    [
        (9, "SIGKILL", "killed by SIGKILL"),
        (25, "SIGXFSZ", "killed by SIGXFSZ (a file reached its LimitFSIZE)"),
        (199, "signal 199", "killed by signal 199"),
    ],
)
def test_a_signal_is_named(number: int, name: str, reason: str) -> None:
    gone = describe(-number)
    assert (gone.reason, gone.code, gone.signal, gone.cause) == (reason, None, name, Cause.SIGNAL)
