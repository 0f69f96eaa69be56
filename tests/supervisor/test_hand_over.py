"""One release takes over from another without a gap: real servers, old and new side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from gateway.errors import ChildGone, HandshakeFailed
from gateway.model import HealthPolicy, ServerName, SessionScope
from gateway.supervisor.keeping.children import CHANGED
from gateway.supervisor.supervisor import Supervisor
from tests.supervisor.running import call, row, spec, supervised

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
A = ServerName("a")
LATE = spec("a", "slow.py", "--start", "600", health=HealthPolicy(stop_timeout_sec=0.5))


async def hand_over(supervisor: Supervisor, *, script: str = "echo.py", drain_s: float = 20.0) -> None:
    await supervisor.hand_over(spec("a", script, "--page", "2"), ready_s=20.0, drain_s=drain_s)


async def in_flight(supervisor: Supervisor) -> None:
    """Wait until a call is open."""
    with anyio.fail_after(20):
        while not any(child.in_flight.count for child in supervisor._all()):
            await anyio.lowlevel.checkpoint()


async def test_the_new_child_serves_from_one_moment_to_the_next_and_the_old_one_is_gone() -> None:
    async with supervised(spec("a")) as (supervisor, heard):
        await heard.state("a", "ready")
        old = row(supervisor, "a")["pid"]
        await hand_over(supervisor)
        assert row(supervisor, "a")["state"] == "ready"
        assert row(supervisor, "a")["pid"] not in {None, old}
        assert await call(supervisor, "a", "echo", text="x") == "x"
        assert len(heard.lists("a")) == 2
        assert heard.exits("a") == []  # the old one's end is nobody's concern
        assert "stopping" not in heard.states("a")


async def test_a_call_in_flight_at_the_old_child_is_answered() -> None:
    async with supervised(spec("a", "slow.py")) as (supervisor, heard):
        await heard.state("a", "ready")
        answers: list[str] = []

        async def slow() -> None:
            answers.append(await call(supervisor, "a", "sleep", seconds=5))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow)
            await in_flight(supervisor)
            await hand_over(supervisor)
            assert await call(supervisor, "a", "echo", text="new") == "new"
            assert answers == []
        assert answers == ["slept"]


async def test_a_call_that_takes_too_long_does_not_keep_the_old_child() -> None:
    async with supervised(spec("a", "slow.py")) as (supervisor, heard):
        await heard.state("a", "ready")
        failed: list[str] = []

        async def slow() -> None:
            try:
                await call(supervisor, "a", "sleep", seconds=600)
            except ChildGone as exc:
                failed.append(type(exc).__name__)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow)
            await in_flight(supervisor)
            await hand_over(supervisor, drain_s=0.1)
        assert failed == ["ChildGone"]


@pytest.mark.parametrize("bad", ["dies", "late"])
async def test_a_new_child_that_does_not_come_up_leaves_the_old_one_serving(bad: str) -> None:
    async with supervised(spec("a")) as (supervisor, heard):
        await heard.state("a", "ready")
        old = row(supervisor, "a")["pid"]
        other = LATE if bad == "late" else spec("a", "crasher.py", "--at", "start")
        with pytest.raises(HandshakeFailed, match="did not become ready"):
            await supervisor.hand_over(other, ready_s=0.5 if bad == "late" else 20.0, drain_s=1.0)
        assert row(supervisor, "a")["pid"] == old
        assert await call(supervisor, "a", "echo", text="x") == "x"
        assert set(heard.states("a")) == {"starting", "ready"}
        assert supervisor.specs[A] == spec("a")


async def test_where_nothing_serves_the_new_one_is_started_and_waited_for() -> None:
    async with supervised(spec("a", "crasher.py", "--at", "start")) as (supervisor, heard):
        await heard.state("a", "backoff")
        await hand_over(supervisor)
        assert row(supervisor, "a")["state"] == "ready"


async def test_where_nothing_serves_and_the_new_one_does_not_either_that_is_said() -> None:
    async with supervised(spec("a", "crasher.py", "--at", "start")) as (supervisor, heard):
        await heard.state("a", "backoff")
        with pytest.raises(HandshakeFailed, match="did not become ready"):
            await supervisor.hand_over(spec("a", "crasher.py", "--at", "initialize"), ready_s=20.0, drain_s=1.0)


async def test_a_server_that_was_stopped_stays_stopped() -> None:
    async with supervised(spec("a")) as (supervisor, heard):
        await heard.state("a", "ready")
        await supervisor.stop(A)
        await hand_over(supervisor)
        assert row(supervisor, "a")["state"] == "stopped"
        await supervisor.start(A)
        await heard.state("a", "ready", times=2)
        assert supervisor.specs[A].launch == spec("a", "echo.py", "--page", "2").launch


async def test_a_server_that_is_forgotten_meanwhile_does_not_come_back() -> None:
    async with supervised(spec("a")) as (supervisor, heard):
        await heard.state("a", "ready")
        await meanwhile(supervisor, lambda: supervisor.apply([]))
        assert supervisor.status() == []
        with anyio.fail_after(20):
            while supervisor._all():
                await anyio.lowlevel.checkpoint()


async def test_callers_own_children_end_with_the_old_release() -> None:
    async with supervised(spec("a", session=SessionScope.PER_SESSION)) as (supervisor, heard):
        await heard.state("a", "ready")
        await supervisor.acquire(A, "mine")
        assert row(supervisor, "a")["instances"] == 1
        await hand_over(supervisor)
        assert row(supervisor, "a")["instances"] == 0


async def meanwhile(supervisor: Supervisor, word: Callable[[], Awaitable[None]]) -> str:
    """Say something newer while the new child comes up; returns what became of the hand-over."""
    said: list[str] = []

    async def hand() -> None:
        try:
            await supervisor.hand_over(LATE, ready_s=20.0, drain_s=1.0)
        except HandshakeFailed as exc:
            said.append(exc.message)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hand)
        with anyio.fail_after(20):
            while not supervisor._children.heirs:
                await anyio.lowlevel.checkpoint()
        await word()
    assert supervisor._children.heirs == {}
    return said[0]


async def test_a_stop_during_a_hand_over_wins() -> None:
    async with supervised(spec("a")) as (supervisor, heard):
        await heard.state("a", "ready")
        assert CHANGED in await meanwhile(supervisor, lambda: supervisor.stop(A))
        assert [child.state for child in supervisor._all()] == ["stopped"]
        assert supervisor.specs[A] == spec("a")


async def test_a_newer_configuration_during_a_hand_over_wins() -> None:
    newer = spec("a", "echo.py", "--page", "3")
    async with supervised(spec("a")) as (supervisor, heard):
        await heard.state("a", "ready")
        assert CHANGED in await meanwhile(supervisor, lambda: supervisor.apply([newer]))
        await heard.state("a", "ready", times=2)
        assert supervisor.specs[A] == newer
        assert [child.spec for child in supervisor._children.in_set()] == [newer]
        assert "its configuration changed" in [fact.reason for fact in heard.states("a")["stopping"]]


async def test_a_restart_during_a_hand_over_wins() -> None:
    async with supervised(spec("a")) as (supervisor, heard):
        old = (await heard.state("a", "ready")).pid
        assert CHANGED in await meanwhile(supervisor, lambda: supervisor.restart(A))
        after = await heard.state("a", "ready", times=2)
        assert after.pid not in {None, old}
        assert supervisor.specs[A] == spec("a")


async def test_where_nothing_served_a_newer_configuration_counts_as_well() -> None:
    newer = spec("a", "echo.py", "--page", "3")
    async with supervised(spec("a", "crasher.py", "--at", "start")) as (supervisor, heard):
        await heard.state("a", "backoff")
        async with anyio.create_task_group() as tasks:

            async def hand() -> None:
                with pytest.raises(HandshakeFailed, match="was not switched"):
                    await hand_over(supervisor)

            tasks.start_soon(hand)
            while supervisor.specs[A] != spec("a", "echo.py", "--page", "2"):
                await anyio.lowlevel.checkpoint()
            await supervisor.apply([newer])
        assert supervisor.specs[A] == newer
