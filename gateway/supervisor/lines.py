"""A process that speaks lines: what the learner's link uses. The same process class as for servers, no MCP."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import anyio

from gateway.errors import ChildGone
from gateway.protocol.framing import LineFramer, Overlong
from gateway.supervisor.process import ChildProcess
from gateway.supervisor.ring import LineRing

GRACE_S: Final = 2.0
QUEUE_LINES: Final = 1000
"""Unread lines at which its output is left in the pipe, so that it waits for us and not the other way round."""


class Lines:
    """Satisfies `gateway.learning.ports.LineProcess`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._framer = LineFramer()
        self._lines: deque[bytes] = deque()
        self._more = anyio.Event()
        self._end = ""
        self._process: ChildProcess | None = None
        self.stderr = LineRing()

    async def start(self, argv: Sequence[str], env: Mapping[str, str], cwd: str | None) -> None:
        """Start it. Raises: SpawnFailed."""
        self._process = await ChildProcess.start(
            self._name, argv, env, cwd=cwd, on_data=self._data, on_end=self._ended, stderr=self.stderr
        )

    @property
    def _running(self) -> ChildProcess:
        if self._process is None:
            raise ChildGone(self._name, reason="it was never started")
        return self._process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running.pid

    async def send(self, line: bytes) -> None:
        """Write one line (without its newline); waits while much is unwritten. Raises: ChildGone."""
        process = self._running
        if self._end:
            raise self._gone()
        process.outbox.write(line + b"\n")
        if process.outbox.is_full:
            await process.outbox.drained()

    async def receive(self) -> bytes:
        """Return the next line without its newline. Raises: ChildGone at the end of the stream."""
        while not self._lines:
            if self._end:
                raise self._gone()
            self._more = anyio.Event()
            await self._more.wait()
        line = self._lines.popleft()
        if len(self._lines) == QUEUE_LINES - 1 and not self._end:
            self._running.resume_reading()
        return line

    async def stop(self) -> None:
        """Close its stdin, then TERM, then KILL; returns when it is dead. Bounded."""
        with anyio.CancelScope(shield=True):
            await self._running.stop(GRACE_S)

    def _data(self, data: bytes) -> None:
        for line in self._framer.feed(data):
            if not isinstance(line, Overlong):
                self._lines.append(line)
        if len(self._lines) >= QUEUE_LINES and self._process is not None:
            self._process.pause_reading()
        self._more.set()

    def _ended(self, reason: str) -> None:
        self._end = reason
        self._more.set()

    def _gone(self) -> ChildGone:
        return ChildGone(self._name, reason=self._end, stderr_tail=self.stderr.tail(20))


async def spawn_lines(
    argv: Sequence[str], env: Mapping[str, str], *, cwd: str | None = None, name: str = "learner"
) -> Lines:
    """Start `argv` with exactly this environment, as a process that speaks lines.

    Raises: SpawnFailed.
    """
    lines = Lines(name)
    await lines.start(argv, env, cwd)
    return lines
