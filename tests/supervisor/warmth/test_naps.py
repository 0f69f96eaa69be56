"""When one child may be put to rest."""

from __future__ import annotations

import msgspec
import pytest

from gateway.model import ServerSpec, SessionScope, StartPolicy
from gateway.supervisor.warmth.naps import Nap, idle_limit_s, rest_due, stays_resting
from tests.supervisor.running import spec

IDLE = StartPolicy(idle_stop_sec=30.0)


def like(start: StartPolicy, session: SessionScope = SessionScope.SHARED) -> ServerSpec:
    return msgspec.structs.replace(spec("a", session=session), start=start)


def due(nap: Nap, start: StartPolicy = IDLE, *, ready_since: float = 0.0, in_flight: int = 0) -> float | None:
    return rest_due(nap, like(start), "", ready_since=ready_since, in_flight=in_flight)


def test_it_rests_so_long_after_its_last_use_or_since_it_became_ready() -> None:
    assert due(Nap(last=100.0)) == 130.0
    assert due(Nap(last=100.0), ready_since=200.0) == 230.0


def test_it_never_rests_while_it_is_used() -> None:
    assert due(Nap(last=100.0, users=1)) is None
    assert due(Nap(last=100.0), in_flight=1) is None
    assert due(Nap(last=100.0, users=1, is_glanced_at=True)) is None


def test_without_a_limit_it_never_rests() -> None:
    assert due(Nap(last=0.0), StartPolicy()) is None
    assert due(Nap(last=0.0), StartPolicy(lazy=True)) is None


def test_one_that_was_only_glanced_at_rests_at_once() -> None:
    assert due(Nap(last=100.0, is_glanced_at=True), StartPolicy(lazy=True), ready_since=50.0) == 50.0


@pytest.mark.parametrize(
    ("session", "instance", "limit_s"),
    [
        (SessionScope.SHARED, "", None),
        (SessionScope.PER_AGENT, "", 30.0),
        (SessionScope.PER_AGENT, "mine", 30.0),
        (SessionScope.PER_SESSION, "mine", 30.0),
    ],
)
def test_a_warm_shared_server_never_rests_and_those_with_spares_do(
    session: SessionScope, instance: str, limit_s: float | None
) -> None:
    assert idle_limit_s(like(StartPolicy(idle_stop_sec=30.0, keep_warm=1), session), instance) == limit_s


def test_only_a_policy_that_knows_rest_keeps_it_resting() -> None:
    assert stays_resting(like(IDLE), "")
    assert stays_resting(like(StartPolicy(lazy=True)), "")
    assert not stays_resting(like(StartPolicy()), "")
    assert not stays_resting(like(StartPolicy(idle_stop_sec=30.0, keep_warm=1)), "")


def test_only_a_start_after_a_rest_is_a_waking() -> None:
    nap = Nap(last=0.0, is_resting=True)
    nap.wake(has_run=False)
    assert (nap.is_resting, nap.woken) == (False, 0)
    nap.wake(has_run=True)
    assert nap.woken == 0
    nap.is_resting = True
    nap.wake(has_run=True)
    assert nap.woken == 1
