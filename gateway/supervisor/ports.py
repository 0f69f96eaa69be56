"""What the parts of this room expect of each other and of the daemon: connections of either kind, and callbacks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import anyio

from gateway.model import ServerName, ServerSpec
from gateway.protocol.handshake import Agreed
from gateway.supervisor.causes import Cause
from gateway.supervisor.processes.orders import Prepared

OnNotify = Callable[[str, bytes], None]
"""(method, raw params) of a notification that belongs to one request: called in wire order, must not block."""

OnNoise = Callable[[], None]
"""One more message that makes no sense; whoever is told may cut the connection at once."""

OnTold = Callable[[str, bytes | None], None]
"""(method, raw params) of a notification that belongs to no request."""

Prepare = Callable[[Sequence[str], Mapping[str, str], str | None], Awaitable[Prepared]]
"""(argv, environment, working directory) of a server to how it is started. Raises: SpawnFailed."""


Confine = Callable[[ServerSpec, Sequence[str], Mapping[str, str], str | None], Awaitable[Prepared]]
"""Decides how a server's program is kept from what is not its own: (spec, argv, environment, working directory) to how
it is started. Raises: SpawnFailed when what its sandbox asks for cannot be had here."""


async def unconfined(_spec: ServerSpec, argv: Sequence[str], _env: Mapping[str, str], _cwd: str | None) -> Prepared:
    """Let it reach what we can reach."""
    return Prepared(tuple(argv))


Confinement = Callable[[ServerSpec], dict[str, Any] | None]
"""How a server is confined, as a row of the status; None: not known (yet)."""


def unknown(_spec: ServerSpec) -> dict[str, Any] | None:
    """Nobody confines anything."""
    return None


async def unprepared(argv: Sequence[str], _env: Mapping[str, str], _cwd: str | None) -> Prepared:
    """Start it as it is."""
    return Prepared(tuple(argv))


Slot = AbstractAsyncContextManager[None]
"""Inside, one is on its way up: a start waits for its turn. One object for all tasks."""

Refresh = Callable[[ServerName, Mapping[str, str]], Awaitable[Mapping[str, str] | None]]
"""(server, its secrets that were refused) to those it has now; None when there are no others. May take a while; is
asked once for all requests that were refused, and again only after another refusal."""


@dataclass(frozen=True, slots=True)
class Gone:
    """How a connection ended. `code` and `signal` are a process's; `reason` is for people, `cause` for programs."""

    reason: str
    code: int | None = None
    signal: str | None = None
    cause: Cause = Cause.EXIT
    retry_after_s: float | None = None
    """It asked to be left alone this long."""

    @property
    def clean(self) -> bool:
        """It ended by itself, with status 0."""
        return self.code == 0


class Connection(Protocol):
    """One conversation with one server: a process's pipes, or HTTP. Opened once, closed once."""

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        ...

    @property
    def gone(self) -> anyio.Event:
        """Set when the other side can no longer be talked to."""
        ...

    @property
    def noise(self) -> int:
        """How many messages made no sense."""
        ...

    @property
    def late(self) -> int:
        """How many answers came after their request was given up."""
        ...

    on_late: Callable[[], None]
    """Called at each of those."""

    @property
    def heard(self) -> int:
        """Grows with each message of theirs: what the prober takes for life while calls are open."""
        ...

    async def open(self) -> Agreed:
        """Connect and shake hands.

        Raises: SpawnFailed, HandshakeFailed, ChildGone.
        """
        ...

    async def ask(
        self,
        method: str,
        params: bytes,
        *,
        timeout_s: float,
        limit_s: float | None = None,
        on_notify: OnNotify | None = None,
        may_cancel: bool = True,
    ) -> bytes:
        """Send a request and return the raw result. Progress pushes the deadline back, up to `limit_s`.

        Raises: ChildGone, CallTimeout, ServerBusy, RpcError, AnswerTooLarge, RemoteProtocolError.
        """
        ...

    async def listen(self) -> None:
        """Stay subscribed to what belongs to no request, where that needs doing; returns when it does not."""
        ...

    def cut(self, reason: str, cause: Cause, *, at_once: bool = False) -> None:
        """Take nothing more from it: open requests get ChildGone with this reason now, and it is gone.

        `at_once`: its processes are killed now, without the rungs that `close` would walk down.
        """
        ...

    async def close(self, *, grace_s: float) -> Gone:
        """End it, by force if needed; bounded. Open requests get ChildGone."""
        ...
