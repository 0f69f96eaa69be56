"""How the daemon ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable

import anyio
import pytest

from gateway.daemon.ending import Ending, calls_done
from gateway.supervisor.process import ChildProcess
from gateway.supervisor.processes.ring import LineRing

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


class FakeDoor:
    """Remembers what was asked of it; `leaving` are the numbers of open requests, one after the other."""

    def __init__(self, *leaving: int) -> None:
        self.asked: list[str] = []
        self._leaving = list(leaving) or [0]

    @property
    def open_requests(self) -> int:
        return self._leaving.pop(0) if len(self._leaving) > 1 else self._leaving[0]

    def say_goodbye(self) -> None:
        self.asked.append("goodbye")

    def stop_accepting(self) -> None:
        self.asked.append("closed")

    def leave(self) -> None:
        self.asked.append("leave")

    def hurry(self) -> None:
        self.asked.append("hurry")


async def at_once() -> None:
    """No call is open."""


async def ended(ending: Ending, calls: Callable[[], Awaitable[None]], door: FakeDoor, within_s: float = 20) -> bool:
    """Let it end, bounded."""
    with anyio.fail_after(20):
        return await ending.finish_calls(door, calls, within_s)


async def test_the_first_request_asks_and_the_second_one_hurries() -> None:
    ending = Ending()
    ending.ask()
    assert (ending.asked.is_set(), ending.hurried.is_set()) == (True, False)
    ending.ask()
    ending.ask()
    assert ending.hurried.is_set()


async def test_the_door_stays_open_until_the_calls_are_done_and_is_left_then() -> None:
    door = FakeDoor()
    seen: list[list[str]] = []

    async def calls() -> None:
        seen.append(list(door.asked))

    assert await ended(Ending(), calls, door)
    assert seen == [["goodbye"]]
    assert door.asked == ["goodbye", "closed", "leave", "hurry"]


async def test_calls_that_take_too_long_are_left() -> None:
    door = FakeDoor()
    assert not await ended(Ending(), anyio.sleep_forever, door, within_s=0.05)
    assert door.asked == ["goodbye", "closed", "leave", "hurry"]


async def test_calls_that_take_too_long_are_cut_before_the_door_is_left() -> None:
    door, ending = FakeDoor(), Ending()
    with anyio.fail_after(20):
        await ending.finish_calls(door, anyio.sleep_forever, 0.05, cut_calls=lambda: door.asked.append("cut"))
    assert door.asked == ["goodbye", "closed", "cut", "leave", "hurry"]


async def test_calls_that_finish_are_not_cut() -> None:
    door, ending = FakeDoor(), Ending()
    with anyio.fail_after(20):
        await ending.finish_calls(door, at_once, 20, cut_calls=lambda: door.asked.append("cut"))
    assert door.asked == ["goodbye", "closed", "leave", "hurry"]


async def test_hurrying_ends_the_waiting_at_once() -> None:
    ending, door, waiting = Ending(), FakeDoor(), anyio.Event()
    results: list[bool] = []

    async def calls() -> None:
        waiting.set()
        await anyio.sleep_forever()

    async def end() -> None:
        results.append(await ended(ending, calls, door))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(end)
        await waiting.wait()
        ending.ask()
        ending.ask()
    assert results == [False]


async def test_answers_that_still_leave_are_waited_for_and_endless_streams_are_not() -> None:
    door = FakeDoor(5, 5, 3, 3, 2, 2, 2)
    assert await ended(Ending(), at_once, door)
    assert door.open_requests == 2


async def test_a_call_that_waits_for_its_turn_is_a_call_as_well() -> None:
    class Endpoint:
        in_flight = 1

    class Supervisor:
        asked = 0

        async def drain(self, timeout_s: float) -> None:
            self.asked += 1
            if self.asked == 3:
                endpoint.in_flight = 0

    endpoint, supervisor = Endpoint(), Supervisor()
    with anyio.fail_after(20):
        await calls_done(supervisor, endpoint)
    assert supervisor.asked == 3


HANGING = """
import threading
from gateway.daemon.ending import leave_within
threading.Thread(target=threading.Event().wait).start()  # what nothing can cancel: a read from a dead file system
leave_within(0.1, status=3)
"""


@pytest.mark.process
def test_a_thread_that_hangs_does_not_keep_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", HANGING], timeout=25, check=False, capture_output=True)
    assert done.returncode == 3, done.stderr


@pytest.mark.process
def test_who_leaves_in_time_leaves_by_itself() -> None:
    said = "from gateway.daemon.ending import leave_within; leave_within(600, status=3)"
    assert subprocess.run([sys.executable, "-c", said], timeout=25, check=False).returncode == 0


@pytest.mark.process
async def test_a_child_that_ignores_everything_but_a_kill_ends_at_once_when_it_hurries() -> None:
    ending, up = Ending(), anyio.Event()
    child = await ChildProcess.start(
        "deaf", [sys.executable, "-c", DEAF], {}, on_data=lambda _: up.set(), on_end=lambda _: None, stderr=LineRing()
    )
    await up.wait()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ending.cut_short)
        ending.ask()
        ending.ask()
        with anyio.fail_after(20):
            gone = await child.stop(grace_s=600)  # each rung of its ladder would take that long
        tasks.cancel_scope.cancel()
    assert gone.signal == "SIGKILL"
