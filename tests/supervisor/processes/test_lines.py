"""Lines over a process, without the process."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from gateway.errors import ChildGone
from gateway.supervisor.ports import Gone
from gateway.supervisor.processes.lines import QUEUE_LINES, Lines


class Source:
    """A process that only counts."""

    pid = 7

    def __init__(self) -> None:
        self.outbox: Any = self
        self.written: list[bytes] = []
        self.reading = True
        self.is_full = False
        self.stopped = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    async def drained(self) -> None:
        self.is_full = False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    async def stop(self, grace_s: float) -> Gone:
        self.stopped = grace_s > 0
        return Gone("stopped")


def make() -> tuple[Lines, Source]:
    lines, source = Lines("l"), Source()
    lines.attach(source)
    return lines, source


async def test_lines_are_sent_with_and_received_without_newline() -> None:
    lines, source = make()
    await lines.send(b"out")
    lines.take(b"one\ntw")
    lines.take(b"o\n")
    assert (source.written, await lines.receive(), await lines.receive()) == ([b"out\n"], b"one", b"two")
    assert lines.pid == 7


async def test_a_sender_waits_for_a_full_outbox() -> None:
    lines, source = make()
    source.is_full = True
    await lines.send(b"x")
    assert not source.is_full


async def test_unread_lines_stop_the_reading_until_there_is_room() -> None:
    lines, source = make()
    lines.take(b"x\n" * QUEUE_LINES)
    assert not source.reading
    await lines.receive()
    assert source.reading


async def test_the_end_is_told_after_the_last_line() -> None:
    lines, _ = make()
    lines.take(b"last\n")
    lines.end("exited with status 1")
    assert await lines.receive() == b"last"
    with pytest.raises(ChildGone, match="status 1"):
        await lines.receive()
    with pytest.raises(ChildGone):
        await lines.send(b"x")


async def test_a_waiting_receiver_hears_of_the_end() -> None:
    lines, _ = make()
    async with anyio.create_task_group() as tasks:

        async def wait() -> None:
            with pytest.raises(ChildGone):
                await lines.receive()

        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        lines.end("gone")
    assert lines.pid == 7


async def test_stopping_stops_the_process_and_one_never_started_is_gone() -> None:
    lines, source = make()
    await lines.stop()
    assert source.stopped
    with pytest.raises(ChildGone, match="never started"):
        await Lines("l").stop()
