"""The stream of notices, kept open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from gateway.errors import ChildGone, RpcError
from gateway.supervisor.talking.http.notices import Notices
from gateway.supervisor.talking.http.refusals import AccessRefused, HttpRefused, SessionLost

Once = Callable[[], Awaitable[None]]


class Stream:
    """A stream of notices by script; the last line stays."""

    def __init__(self, *script: Exception | None) -> None:
        self.script = list(script)
        self.opened = 0
        self.gaps = 0
        self.more = anyio.Event()

    async def once(self) -> None:
        self.opened += 1
        self.more.set()
        step = self.script.pop(0) if self.script else None
        if step is None:
            await anyio.sleep_forever()
        else:
            raise step

    def gap(self) -> None:
        self.gaps += 1

    async def until(self, opened: int) -> None:
        with anyio.fail_after(10):
            while self.opened < opened:
                self.more = anyio.Event()
                await self.more.wait()


@pytest.mark.parametrize("refusal", [RpcError(-32601, "no"), HttpRefused("s", 405), HttpRefused("s", 404)])
async def test_a_server_without_notices_is_asked_once(refusal: Exception) -> None:
    stream = Stream(refusal)
    with anyio.fail_after(10):
        await Notices(stream.once, on_gap=stream.gap).run()
    assert stream.opened == 1


@pytest.mark.parametrize("trouble", [ChildGone("s", reason="x"), HttpRefused("s", 502), SessionLost(), AccessRefused()])
async def test_a_broken_stream_is_opened_again(trouble: Exception) -> None:
    stream = Stream(trouble, trouble)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Notices(stream.once, on_gap=stream.gap, again_min_s=0.01).run)
        await stream.until(3)
        tasks.cancel_scope.cancel()
    assert stream.gaps == 0


async def test_a_stream_of_another_session_is_opened_at_once() -> None:
    stream = Stream()
    notices = Notices(stream.once, on_gap=stream.gap, again_min_s=3600)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(notices.run)
        await stream.until(1)
        notices.reopen()
        await stream.until(2)
        tasks.cancel_scope.cancel()
    assert stream.gaps == 0


async def test_a_pause_ends_when_there_is_another_session() -> None:
    stream = Stream(ChildGone("s", reason="x"))
    notices = Notices(stream.once, on_gap=stream.gap, again_min_s=3600)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(notices.run)
        await stream.until(1)
        await anyio.wait_all_tasks_blocked()
        notices.reopen()
        await stream.until(2)
        tasks.cancel_scope.cancel()


async def test_a_stream_that_stays_silent_is_opened_anew_and_what_was_missed_is_looked_for() -> None:
    stream = Stream()
    notices = Notices(stream.once, on_gap=stream.gap, silence_s=0.05)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(notices.run)
        await stream.until(3)
        tasks.cancel_scope.cancel()
    assert stream.gaps >= 2


async def test_what_is_heard_pushes_the_silence_away() -> None:
    stream = Stream()
    notices = Notices(stream.once, on_gap=stream.gap, silence_s=0.05)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(notices.run)
        await stream.until(1)
        notices._silence_s = 3600
        notices.heard()
        with anyio.move_on_after(0.3):
            await stream.until(2)
        tasks.cancel_scope.cancel()
    assert (stream.opened, stream.gaps) == (1, 0)
