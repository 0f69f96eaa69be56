"""Writing without waiting."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator

import anyio
import pytest

from gateway.supervisor.processes.outbox import OUTBOX_CAP, REPLIES_CAP, WRITE_DEADLINE_S, Outbox
from tests.supervisor.running import PATIENCE_S


class Pipe:
    """A small pipe and what became of it."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()
        fcntl.fcntl(self.write_fd, fcntl.F_SETPIPE_SZ, 4096)
        self.trouble: list[str] = []
        self.told = anyio.Event()

    def on_trouble(self, reason: str) -> None:
        self.trouble.append(reason)
        self.told.set()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    os.close(made.read_fd)


async def test_what_fits_is_written_at_once(pipe: Pipe) -> None:
    box = Outbox(pipe.write_fd, pipe.on_trouble)
    box.write(b"hello")
    assert os.read(pipe.read_fd, 100) == b"hello"
    assert box.waiting_bytes == 0
    box.close()


async def test_the_rest_follows_in_order_when_somebody_reads(pipe: Pipe) -> None:
    box = Outbox(pipe.write_fd, pipe.on_trouble)
    parts = [bytes([65 + n]) * 3000 for n in range(5)]
    for part in parts:
        box.write(part)
    assert box.waiting_bytes > 0
    got = b""
    with anyio.fail_after(PATIENCE_S):
        while len(got) < 15000:
            await anyio.wait_readable(pipe.read_fd)
            got += os.read(pipe.read_fd, 4096)
        await box.drained()
    assert got == b"".join(parts)
    assert pipe.trouble == []
    box.close()


async def test_a_reader_that_does_not_read_is_reported_after_the_deadline(pipe: Pipe) -> None:
    box = Outbox(pipe.write_fd, pipe.on_trouble, deadline_s=0.05)
    box.write(b"x" * 10000)
    with anyio.fail_after(PATIENCE_S):
        await pipe.told.wait()
    assert pipe.trouble == ["it does not read its stdin"]
    box.write(b"more")
    assert box.waiting_bytes == 0


async def test_a_closed_reader_is_reported() -> None:
    made = Pipe()
    os.close(made.read_fd)
    Outbox(made.write_fd, made.on_trouble).write(b"x")
    assert made.trouble == ["it closed its stdin"]


async def test_it_says_when_too_much_waits(pipe: Pipe) -> None:
    box = Outbox(pipe.write_fd, pipe.on_trouble)
    assert not box.is_full
    box.write(b"x" * (OUTBOX_CAP + 5000))
    assert box.is_full
    box.close()
    assert not box.is_full


def test_the_deadline_is_ten_seconds() -> None:
    assert WRITE_DEADLINE_S == 10.0


async def test_replies_that_are_not_read_are_owed_until_nothing_waits(pipe: Pipe) -> None:
    box = Outbox(pipe.write_fd, pipe.on_trouble)
    drained = anyio.Event()
    box.on_drained = drained.set
    box.write(b"x" * 2 * REPLIES_CAP)  # a large request is no reply
    assert not box.owes_much
    box.reply(b"x" * REPLIES_CAP)
    assert not box.owes_much
    box.reply(b"x")
    assert box.owes_much
    with anyio.fail_after(PATIENCE_S):
        while box.waiting_bytes:
            await anyio.wait_readable(pipe.read_fd)
            os.read(pipe.read_fd, 65536)
        await drained.wait()
    assert not box.owes_much
    assert pipe.trouble == []
    box.close()
