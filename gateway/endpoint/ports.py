"""What the endpoint needs of other rooms; the daemon plugs the real thing in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.model import Caller, ChooseRequest, Decision, ServerName, ToolCard

OnNotify = Callable[[str, bytes], None]
"""(method, raw params) of a notification that belongs to the request: called in wire order, must not block."""


class Upstream(Protocol):
    """A ready child (or remote). Exists only between handshake and exit."""

    @property
    def server(self) -> ServerName: ...

    async def request(
        self,
        method: str,
        params: bytes,
        *,
        timeout_s: float | None = None,
        on_notify: OnNotify | None = None,
    ) -> bytes:
        """Send one request and return the raw JSON of its `result`.

        `params` is a raw JSON object; its `_meta.progressToken` (if any) is replaced on the wire by an own one
        and put back in what `on_notify` gets. Cancelling the waiting task tells the child.

        Its deadline counts from `acquire`: the time it waits for its turn is part of it.

        Raises: ChildGone, CallTimeout, ServerBusy, ServerNotReady, BreakerOpen, RpcError.
        """
        ...


class Upstreams(Protocol):
    """The set of ready children."""

    async def acquire(self, server: ServerName, instance: str = "", *, tool: str = "", caller: str = "") -> Upstream:
        """Return the ready upstream of `server`; for per-agent/per-session servers the one of `instance`.

        It is for one call of `tool` (its own name). When the server is busy, callers share its turns fairly.

        Raises: ServerNotReady, BreakerOpen.
        """
        ...

    async def release(self, instance: str) -> None:
        """Stop the children that were started for this instance; it will not come back."""
        ...


class Chooser(Protocol):
    """The policy as the endpoint sees it: synchronous, quick, never failing."""

    def set_tools(self, toolset_version: str, cards: Sequence[ToolCard]) -> None:
        """Tell the policy which tools exist now."""
        ...

    def decide(self, request: ChooseRequest) -> Decision:
        """Order the candidates; `shown` has min(k, candidates) names. Never raises for unknown tools."""
        ...


class Tombstones(Protocol):
    """Sessions that were ended before their id expired."""

    def contains(self, sid: str) -> bool:
        """Whether this session was ended. From memory."""
        ...

    async def bury(self, sid: str, until: float) -> None:
        """Remember until then (seconds since the epoch) that this session was ended."""
        ...


@dataclass(frozen=True, slots=True)
class Rating:
    """An agent's judgement of one call, 0 (useless) to 1 (useful).

    `tool` (exposed name) and `decision_id` are known when the call is remembered by this process; a `call_id` that
    is not must be looked up in the ledger, and must be the caller's own.
    """

    caller: Caller
    call_id: str
    score: float
    comment: str = ""
    tool: str | None = None
    decision_id: str | None = None


class Verbs(Protocol):
    """What the built-in tools do in other rooms."""

    async def rate(self, rating: Rating) -> None:
        """Record a rating; return when it is committed.

        Raises: NotFound, RefusedByPolicy.
        """
        ...

    async def install_server(self, name: str, caller: Caller) -> str:
        """Install a server for this caller and say in a sentence what came of it.

        Raises: GatewayError.
        """
        ...
