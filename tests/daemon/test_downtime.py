"""For how long a server has been in trouble."""

from __future__ import annotations

import pytest

from gateway.daemon.downtime import Downtime
from gateway.facts import ServerForgotten, StateChanged
from gateway.model import ServerName

A = ServerName("a")


def after(*states: tuple[float, str]) -> Downtime:
    downtime = Downtime()
    for at, state in states:
        downtime(StateChanged(at, A, state, "healthy", ""))
    return downtime


def test_trouble_counts_from_its_beginning_through_new_tries() -> None:
    downtime = after((1.0, "ready"), (10.0, "backoff"), (11.0, "starting"), (12.0, "backoff"), (13.0, "failed"))
    assert downtime.seconds(A, 110.0) == 100.0


@pytest.mark.parametrize("state", ["ready", "stopped"])
def test_who_is_ready_or_was_stopped_is_in_no_trouble(state: str) -> None:
    assert after((10.0, "failed"), (20.0, state)).seconds(A, 110.0) == 0.0


def test_a_forgotten_server_is_forgotten() -> None:
    downtime = after((10.0, "failed"))
    downtime(ServerForgotten(20.0, A))
    assert downtime.seconds(A, 110.0) == 0.0


def test_a_first_start_that_takes_long_is_no_trouble_yet() -> None:
    assert after((10.0, "starting")).seconds(A, 110.0) == 0.0
