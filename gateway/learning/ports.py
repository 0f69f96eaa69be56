"""What the learning room needs of others; the daemon plugs the real thing in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from gateway.store.experience import ExperienceRow


class LineProcess(Protocol):
    """A started process that speaks JSON lines on its stdio."""

    @property
    def pid(self) -> int: ...

    async def send(self, line: bytes) -> None:
        """Write one line (without its newline). Raises ChildGone when the process is gone."""
        ...

    async def receive(self) -> bytes:
        """Return the next line without its newline. Raises ChildGone at the end of the stream."""
        ...

    async def stop(self) -> None:
        """Close its stdin, then TERM, then KILL, each rung bounded; returns when it is dead."""
        ...


Spawn = Callable[[Sequence[str], Mapping[str, str]], Awaitable[LineProcess]]
"""Start `argv` with exactly this environment. Raises SpawnFailed."""


class ExperienceSource(Protocol):
    """Where the learner reads what happened: `store.experience.ExperienceReader`."""

    def since(self, seq: int, limit: int) -> list[ExperienceRow]:
        """Return up to `limit` rows after `seq`, oldest first."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...
