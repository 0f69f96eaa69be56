"""`ReadyUpstream`: what the endpoint holds of a ready child, for one call of one tool by one caller."""

from __future__ import annotations

from gateway.errors import CallTimeout
from gateway.model import ServerName
from gateway.supervisor.calls.traffic import Traffic
from gateway.supervisor.ports import OnNotify


class ReadyUpstream:
    """Satisfies `gateway.endpoint.ports.Upstream`. `waited_s`: what acquiring it took off the call's time."""

    def __init__(self, traffic: Traffic, *, tool: str = "", party: str = "", waited_s: float = 0.0) -> None:
        self._traffic = traffic
        self._tool = tool
        self._party = party
        self._waited_s = waited_s

    @property
    def server(self) -> ServerName:
        """Whose child this is."""
        return self._traffic.spec.name

    async def request(
        self, method: str, params: bytes, *, timeout_s: float | None = None, on_notify: OnNotify | None = None
    ) -> bytes:
        """Send one request when its turn comes and return the raw JSON of its result.

        Its deadline counts from when it was accepted: the time it waits is part of it. Progress pushes the deadline
        back, up to the server's `max_timeout_sec`. Cancelling the waiting task tells the child, or takes the call out
        of the queue.

        Raises: ChildGone, CallTimeout, ServerBusy, ServerNotReady, BreakerOpen, RpcError, AnswerTooLarge,
        RemoteProtocolError.
        """
        policy = self._traffic.spec.call
        wanted_s = min(policy.timeout_sec if timeout_s is None else timeout_s, policy.max_timeout_sec)
        try:
            return await self._traffic.carry(
                method,
                params,
                tool=self._tool,
                party=self._party,
                timeout_s=max(0.0, wanted_s - self._waited_s),
                limit_s=max(0.0, policy.max_timeout_sec - self._waited_s),
                on_notify=on_notify,
            )
        except CallTimeout as exc:
            raise exc.after_waiting(self._waited_s) from exc
