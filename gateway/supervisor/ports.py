"""What the parts of this room expect of each other and of the daemon: connections of either kind, and callbacks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import anyio

from gateway.model import ServerName
from gateway.protocol.handshake import Agreed
from gateway.supervisor.causes import Cause
from gateway.supervisor.processes.orders import Prepared

OnNotify = Callable[[str, bytes], None]
"""(method, raw params) of a notification that belongs to one request: called in wire order, must not block."""

OnTold = Callable[[str, bytes | None], None]
"""(method, raw params) of a notification that belongs to no request."""

Prepare = Callable[[Sequence[str], Mapping[str, str], str | None], Awaitable[Prepared]]
"""(argv, environment, working directory) of a server to how it is started. Raises: SpawnFailed."""


async def unprepared(argv: Sequence[str], _env: Mapping[str, str], _cwd: str | None) -> Prepared:
    """Start it as it is."""
    return Prepared(tuple(argv))


Secrets = Callable[[ServerName], Mapping[str, str]]
"""The secrets of one server, by key."""


@dataclass(frozen=True, slots=True)
class Gone:
    """How a connection ended. `code` and `signal` are a process's; `reason` is for people, `cause` for programs."""

    reason: str
    code: int | None = None
    signal: str | None = None
    cause: Cause = Cause.EXIT

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

    async def close(self, *, grace_s: float) -> Gone:
        """End it, by force if needed; bounded. Open requests get ChildGone."""
        ...
