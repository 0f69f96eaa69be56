"""The handshake with a remote server: which refusals are answers, which end the attempt, and with what advice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.errors import ChildGone, HandshakeFailed, RpcError, ServerOverloaded, SpawnFailed
from gateway.model import RemoteLaunch, ServerName
from gateway.protocol import codes
from gateway.protocol.handshake import Handshake
from gateway.supervisor.talking.http.access import how_to_mend
from gateway.supervisor.talking.http.posting import Call
from gateway.supervisor.talking.http.refusals import AccessRefused, HttpRefused, PersonNeeded
from gateway.supervisor.talking.http.session import Session
from gateway.supervisor.talking.patience import Patience
from gateway.supervisor.talking.shaking import PROBE_TIMEOUT_S, shake_hands


class TurnedAway(ChildGone):
    """The server asks to be left alone for `retry_after_s`."""

    def __init__(self, server: str, exc: ServerOverloaded, method: str) -> None:
        reason = f"it answered with HTTP {exc.status} to {method}; it is to be left alone for {exc.retry_after_s:g} s"
        super().__init__(server, reason=reason, ran=False)
        self.retry_after_s = exc.retry_after_s


@dataclass(frozen=True, slots=True)
class Opening:
    """What each handshake with one server needs. `send` sends one message of it, within the message's patience."""

    server: ServerName
    launch: RemoteLaunch
    client_info: bytes
    send: Callable[[Call], Awaitable[bytes]]
    start_timeout_s: float
    probe: bool = True
    probe_timeout_s: float = PROBE_TIMEOUT_S

    async def shake(self) -> Session:
        """Agree with the server.

        Raises: SpawnFailed, HandshakeFailed, ChildGone.
        """
        given = ""

        async def ask(method: str, params: bytes, *, timeout_s: float, may_cancel: bool) -> bytes:
            nonlocal given
            call = Call(method, params, Patience(timeout_s), lambda *_: None, may_cancel=may_cancel)
            result = await self._answered(call)
            given = call.session_given
            return result

        agreed = await shake_hands(
            self.server,
            Handshake(self.client_info, probe=self.probe),
            ask,
            timeout_s=self.start_timeout_s,
            probe_timeout_s=self.probe_timeout_s,
        )
        return Session(agreed, given)

    async def _answered(self, call: Call) -> bytes:
        """Send one message: a refusal of the probe is an answer; refused credentials end the attempt."""
        try:
            return await self.send(call)
        except PersonNeeded as exc:
            raise SpawnFailed(
                self.server, exc.message, fix=f"Then start it again: mcp-gateway restart {self.server}"
            ) from exc
        except AccessRefused as exc:
            raise no_access(self.server, self.launch, 401) from exc
        except ServerOverloaded as exc:
            raise TurnedAway(self.server, exc, call.method) from exc
        except HttpRefused as exc:
            if exc.status == 403:
                raise no_access(self.server, self.launch, 403) from exc
            if call.method == "server/discover":
                raise RpcError(codes.METHOD_NOT_FOUND, exc.reason) from exc
            raise HandshakeFailed(
                self.server,
                f"{self.server}: {exc.reason} to {call.method}",
                fix="Check that its URL is an MCP endpoint.",
            ) from exc


def no_access(server: ServerName, launch: RemoteLaunch, status: int) -> SpawnFailed:
    """The error for credentials that are refused: which secret to set."""
    return SpawnFailed(server, f"{server} refused our credentials (HTTP {status})", fix=how_to_mend(server, launch))
