"""How lives ended, and what is kept of it."""

from __future__ import annotations

import pytest

from gateway.supervisor.causes import Cause
from gateway.supervisor.deaths import KEPT_EXITS, Deaths, Ending, LastExit, judged
from gateway.supervisor.ports import Gone

KILLED = Gone("killed by SIGKILL", signal="SIGKILL", cause=Cause.SIGNAL)
DONE = Gone("exited with status 0", code=0)
LOST = Gone("its connection was closed", cause=Cause.LOST)


def test_an_end_that_nobody_caused_is_taken_as_it_is() -> None:
    assert judged(KILLED, None) is KILLED


@pytest.mark.parametrize(
    ("gone", "ending", "reason", "cause"),
    [
        (KILLED, Ending(Cause.OOM, "oom: 70 MiB"), "oom: 70 MiB; killed by SIGKILL", Cause.OOM),
        (DONE, Ending(Cause.STOPPED, "stopped by request"), "stopped by request; exited with status 0", Cause.STOPPED),
        (LOST, Ending(Cause.LOST, "no answer to ping"), "no answer to ping", Cause.LOST),
        (KILLED, Ending(None, "killed by SIGKILL"), "killed by SIGKILL", Cause.SIGNAL),
        (DONE, Ending(None, "it closed its stdout"), "it closed its stdout; exited with status 0", Cause.EXIT),
        (
            Gone("it hangs; killed by SIGTERM", signal="SIGTERM", cause=Cause.SIGNAL),
            Ending(Cause.HANG, "it hangs"),
            "it hangs; killed by SIGTERM",
            Cause.HANG,
        ),
    ],
)
def test_the_reason_comes_first_and_the_exit_is_its_outcome(
    gone: Gone, ending: Ending, reason: str, cause: Cause
) -> None:
    found = judged(gone, ending)
    assert (found.reason, found.cause, found.code, found.signal) == (reason, cause, gone.code, gone.signal)


def test_the_newest_ends_are_kept_newest_first_and_no_more_than_twenty() -> None:
    deaths = Deaths()
    assert (deaths.last, deaths.newest) == (None, [])
    for n in range(30):
        deaths.add(LastExit(DONE, float(n)))
    assert [one.at for one in deaths.newest] == [float(n) for n in range(29, 9, -1)]
    assert KEPT_EXITS == 20
    assert deaths.last is not None
    assert deaths.last.at == 29.0


def test_restarts_are_counted_by_what_ended_the_life_before() -> None:
    deaths = Deaths()
    deaths.restarted()  # the first start restarts nothing
    for gone in (
        KILLED,
        KILLED,
        DONE,
        Gone("nobody used it", cause=Cause.IDLE),
    ):  # the last is woken
        deaths.add(LastExit(gone, 0.0))
        deaths.restarted()
    assert deaths.restarts == {"signal": 2, "exit": 1}
