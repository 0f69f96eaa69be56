"""One appointment of a child."""

from __future__ import annotations

import anyio

from gateway.supervisor.timer import Timer
from tests.supervisor.virtual import LoopClock, run_virtually


def test_it_calls_once_after_the_delay_and_shows_what_is_left() -> None:
    async def play(clock: LoopClock) -> None:
        called: list[float] = []
        began = clock.now()
        async with anyio.create_task_group() as tasks:
            timer = Timer(clock)
            assert timer.left_s is None
            timer.set(tasks, 60.0, lambda: called.append(clock.now() - began))
            await anyio.sleep(20)
            assert 39.9 < (timer.left_s or 0) <= 40.1
            await anyio.sleep(200)
            assert timer.left_s is None
        assert [round(at, 3) for at in called] == [60.0]

    run_virtually(play)


def test_a_cancelled_one_never_calls_not_even_in_the_moment_when_it_is_due() -> None:
    async def play(clock: LoopClock) -> None:
        called: list[str] = []
        async with anyio.create_task_group() as tasks:
            timers = [Timer(clock), Timer(clock)]
            # Due in the same instant: the one that is called first cancels the other.
            timers[0].set(tasks, 1.0, lambda: (called.append("first"), timers[1].cancel()))  # type: ignore[arg-type,return-value]
            timers[1].set(tasks, 1.0, lambda: (called.append("second"), timers[0].cancel()))  # type: ignore[arg-type,return-value]
            await anyio.sleep(5)
        assert len(called) == 1
        assert timers[0].left_s is timers[1].left_s is None

    run_virtually(play)


def test_setting_it_anew_replaces_the_old_appointment() -> None:
    async def play(clock: LoopClock) -> None:
        called: list[str] = []
        async with anyio.create_task_group() as tasks:
            timer = Timer(clock)
            timer.set(tasks, 1.0, lambda: called.append("old"))
            timer.set(tasks, 2.0, lambda: called.append("new"))
        assert called == ["new"]

    run_virtually(play)
