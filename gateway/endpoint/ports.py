"""What the endpoint needs of other rooms; the daemon plugs the real thing in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.model import ChooseRequest, Decision, ServerName, ToolCard

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

        Raises: ChildGone, CallTimeout, ServerBusy, RpcError.
        """
        ...


class Upstreams(Protocol):
    """The set of ready children."""

    async def acquire(self, server: ServerName, instance: str = "") -> Upstream:
        """Return the ready upstream of `server`; for per-agent/per-session servers the one of `instance`.

        Raises: ServerNotReady.
        """
        ...


class Chooser(Protocol):
    """The policy as the endpoint sees it: synchronous, quick, never failing."""

    def set_tools(self, toolset_version: str, cards: Sequence[ToolCard]) -> None:
        """Tell the policy which tools exist now."""
        ...

    def decide(self, request: ChooseRequest) -> Decision:
        """Order the candidates; `shown` has min(k, candidates) names. Never raises for unknown tools."""
        ...
