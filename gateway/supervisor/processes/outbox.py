"""`Outbox`: writes to a child's stdin without ever waiting for it; a child that does not read is reported."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Final

import anyio

WRITE_DEADLINE_S: Final = 10.0
"""A child that takes nothing from its stdin for this long while data waits is stuck."""

OUTBOX_CAP: Final = 64 * 1024 * 1024
"""Bytes that may wait for one child: sixteen requests of the largest accepted size."""

REPLIES_CAP: Final = 1024 * 1024
"""Bytes of answers to a child's own questions that may wait: tens of thousands of answers to pings."""


def _nothing() -> None:
    """Nobody wants to know."""


class Outbox:
    """The writing end of a pipe, non-blocking. `on_trouble(reason)` is called at most once."""

    def __init__(self, fd: int, on_trouble: Callable[[str], None], *, deadline_s: float = WRITE_DEADLINE_S) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd: int | None = fd
        self._on_trouble = on_trouble
        self._deadline_s = deadline_s
        self._waiting: deque[memoryview] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._empty = anyio.Event()
        self._empty.set()
        self.waiting_bytes = 0
        self.on_drained: Callable[[], None] = _nothing  # called whenever what waited is written
        self._reply_bytes = 0
        os.set_blocking(fd, False)

    @property
    def is_full(self) -> bool:
        """Say whether too much waits already."""
        return self.waiting_bytes >= OUTBOX_CAP

    @property
    def owes_much(self) -> bool:
        """Whether it is asking more than it reads the answers to."""
        return bool(self._waiting) and self._reply_bytes > REPLIES_CAP

    def reply(self, data: bytes) -> None:
        """Write what it asked for itself; that counts until nothing waits any more."""
        self.write(data)
        self._reply_bytes = self._reply_bytes + len(data) if self._waiting else 0

    def write(self, data: bytes) -> None:
        """Write now what the pipe takes, the rest later. Data for a closed pipe is dropped: its end was reported."""
        if self._fd is None:
            return
        rest = memoryview(data)
        if not self._waiting:
            rest = rest[self._try(rest) :]
        if rest and self._fd is not None:
            self._keep(rest)

    async def drained(self) -> None:
        """Wait until nothing waits (or the pipe is closed). Bounded by the write deadline."""
        await self._empty.wait()

    def close(self) -> None:
        """Close the pipe; what still waits is dropped."""
        if self._fd is None:
            return
        self._loop.remove_writer(self._fd)
        os.close(self._fd)
        self._fd = None
        self._waiting.clear()
        self.waiting_bytes = 0
        self._empty.set()
        if self._timer is not None:
            self._timer.cancel()

    def _keep(self, rest: memoryview) -> None:
        if not self._waiting and self._fd is not None:
            self._loop.add_writer(self._fd, self._writable)
            self._empty = anyio.Event()
            self._restart_timer()
        self._waiting.append(rest)
        self.waiting_bytes += len(rest)

    def _try(self, data: memoryview) -> int:
        assert self._fd is not None  # noqa: S101 - callers checked; for the type checker
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError:
            self._fail("it closed its stdin")
            return len(data)

    def _writable(self) -> None:
        while self._waiting and self._fd is not None:
            first = self._waiting[0]
            written = self._try(first)
            if self._fd is None or written == 0:
                return
            self._restart_timer()
            self.waiting_bytes -= written
            if written < len(first):
                self._waiting[0] = first[written:]
                return
            self._waiting.popleft()
        if self._fd is not None:
            self._loop.remove_writer(self._fd)
            self._empty.set()
            self._reply_bytes = 0
            if self._timer is not None:
                self._timer.cancel()
            self.on_drained()

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._deadline_s, self._fail, "it does not read its stdin")

    def _fail(self, reason: str) -> None:
        self.close()
        self._on_trouble(reason)
