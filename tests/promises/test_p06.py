"""P6: a start may be slow: it has 60 s (installing apart), and nobody asks for signs of life before it is ready."""

from __future__ import annotations

import pytest

from gateway.model import HealthPolicy
from tests.promises.kept import kept, undisturbed
from tests.supervisor.running import call, row, spec

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


async def test_p6_half_of_its_time_asleep_before_the_handshake_is_no_fault() -> None:
    """30 of 60 s, shrunk; the questions would end it after a tenth of that if they were asked before it is ready."""
    health = HealthPolicy(start_timeout_sec=8, interval_sec=0.2, timeout_sec=0.2, failures=1, stop_timeout_sec=0.3)
    async with kept(spec("a", "slow.py", "--start", "4", health=health)) as (supervisor, heard):
        await heard.until(lambda: len(heard.states("a")) > 1)
        assert list(heard.states("a"))[:2] == ["starting", "ready"]
        assert heard.times("a", "ready")[0] - heard.times("a", "starting")[0] >= 4
        assert await call(supervisor, "a", "cancelled") == "0"
        assert row(supervisor, "a")["restarts"] == 0


async def test_p6_half_as_long_again_as_its_time_is_too_long_and_told() -> None:
    """90 of 60 s, shrunk."""
    health = HealthPolicy(start_timeout_sec=2, stop_timeout_sec=0.3)
    slow = spec("a", "slow.py", "--start", "3", health=health)
    async with kept(slow, spec("good")) as (supervisor, heard):
        async with undisturbed(supervisor, heard):
            backoff = await heard.state("a", "backoff")
        assert "not ready within 2 s" in backoff.reason
        assert "ready" not in heard.states("a")
        waited = heard.times("a", "stopping" if "stopping" in heard.states("a") else "backoff")[0]
        assert waited - heard.times("a", "starting")[0] >= 2


async def test_p6_a_call_that_comes_meanwhile_waits_for_it() -> None:
    async with kept(spec("a", "slow.py", "--start", "1")) as (supervisor, heard):
        assert await call(supervisor, "a", "cancelled") == "0"
        assert list(heard.states("a")) == ["starting", "ready"]
