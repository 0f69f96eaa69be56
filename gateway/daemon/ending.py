"""How the daemon ends: the first signal lets calls in flight finish, the second one hurries."""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable
from math import inf
from typing import Final, Protocol

import anyio
import structlog

from gateway.supervisor.process import LIVING
from gateway.supervisor.processes.strays import end_at_once

LAST_ANSWERS_S: Final = 0.3
"""Time for an answer to leave the socket once its call is done; as long as some do, there is more of it."""

LOOK_S: Final = 0.05

log = structlog.get_logger("daemon")


class Door(Protocol):
    """What of the HTTP server is needed to end it."""

    @property
    def open_requests(self) -> int: ...
    def say_goodbye(self) -> None: ...
    def stop_accepting(self) -> None: ...
    def leave(self) -> None: ...
    def hurry(self) -> None: ...


class Ending:
    """`asked`: somebody wants the daemon to end. `hurried`: they want it at once."""

    def __init__(self) -> None:
        self.asked = anyio.Event()
        self.hurried = anyio.Event()

    def ask(self) -> None:
        """Somebody asked (again)."""
        if not self.asked.is_set():
            self.asked.set()
            return
        if not self.hurried.is_set():
            log.warning("hurrying")
        self.hurried.set()

    async def finish_calls(
        self,
        door: Door,
        calls_done: Callable[[], Awaitable[None]],
        within_s: float,
        *,
        cut_calls: Callable[[], None] = lambda: None,
    ) -> bool:
        """Wait for the calls, let nobody in any more, wait for the answers; returns whether all were finished.

        Until then the door is open: who asks how we are is told so, and new work is turned away by who would do it.
        `cut_calls` ends those that were not, by an answer: nobody shall find only a closed connection.
        """
        door.say_goodbye()
        finished = False
        with anyio.move_on_after(within_s):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._cancel_when_hurried, tasks.cancel_scope)
                await calls_done()
                door.stop_accepting()
                await _answers_left(door)
                finished = True
                tasks.cancel_scope.cancel()
        if not finished:
            door.stop_accepting()
            cut_calls()
            await anyio.sleep(LOOK_S)
        door.leave()
        if not self.hurried.is_set():
            with anyio.move_on_after(LAST_ANSWERS_S):
                await self.hurried.wait()
        door.hurry()
        return finished

    async def cut_short(self) -> None:
        """Once it hurries: kill what children do not end by themselves, until cancelled."""
        await self.hurried.wait()
        while True:
            end_at_once(list(LIVING))
            await anyio.sleep(LOOK_S)

    async def _cancel_when_hurried(self, scope: anyio.CancelScope) -> None:
        await self.hurried.wait()
        scope.cancel()


def leave_within(seconds: float, *, status: int) -> None:
    """Exit with `status` after so long if the process is still there, whatever its threads wait for.

    The keeper then ends what is left of its descendants.
    """

    def leave() -> None:
        log.error("left_without_waiting", after_s=seconds)
        os._exit(status)

    last = threading.Timer(seconds, leave)
    last.daemon = True
    last.start()


class Working(Protocol):
    """The endpoint, as far as it counts calls."""

    @property
    def in_flight(self) -> int: ...


class Drained(Protocol):
    """The supervisor, as far as children work on calls."""

    async def drain(self, timeout_s: float) -> None: ...


async def calls_done(supervisor: Drained, endpoint: Working) -> None:
    """Wait until no call is being worked on, neither here (it may wait for its turn) nor in a child."""
    while True:
        await supervisor.drain(inf)
        if not endpoint.in_flight:
            return
        await anyio.sleep(LOOK_S)


async def _answers_left(door: Door) -> None:
    """Wait as long as requests still end one after the other; streams without an end are not waited for."""
    before = None
    while door.open_requests and door.open_requests != before:
        before = door.open_requests
        await anyio.sleep(LAST_ANSWERS_S)
