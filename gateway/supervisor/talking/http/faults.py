"""The HTTP library's errors as ours: what broke, in words without its own, and whether anything had left."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator

import httpx

from gateway.errors import ChildGone, GatewayError, SpawnFailed
from gateway.net.bodies import CodedBodyError


class NeverSent(ChildGone):
    """The message never left us as a whole: the server cannot have run it."""

    def __init__(self, server: str, *, reason: str) -> None:
        super().__init__(server, reason=reason, ran=False)


class Sending:
    """Watches one request leave: pass it as the `trace` extension of the request.

    A message travels as the body of a request that tells its length first. As long as the body was not begun, the
    server has nothing that it could run; once it was, nobody knows.
    """

    __slots__ = ("has_begun", "was_cut")

    def __init__(self) -> None:
        self.has_begun = False
        self.was_cut = False

    async def __call__(self, event: str, _info: object) -> None:
        if event.endswith("send_request_body.started"):
            self.has_begun = True
        elif event.endswith("send_request_headers.failed"):
            self.was_cut = True


@contextlib.asynccontextmanager
async def trouble_as_gone(server: str, sending: Sending | None = None) -> AsyncIterator[None]:
    """Turn the HTTP library's errors into ours. Their texts carry no URL, hence no secret of its query.

    Raises: NeverSent, ChildGone; SpawnFailed when the address itself is refused: waiting does not mend that.
    """
    try:
        yield
    except httpx.TransportError as exc:
        if isinstance(exc, GatewayError):
            raise SpawnFailed(server, f"{server} cannot connect: {exc.message}", fix=exc.fix) from exc
        raise _gone(server, exc, sending or Sending()) from exc
    except CodedBodyError as exc:
        raise ChildGone(server, reason=f"it answered with {exc}") from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise ChildGone(server, reason=f"the connection broke ({type(exc).__name__})") from exc


def _gone(server: str, exc: httpx.TransportError, sending: Sending) -> ChildGone:
    why = fault_of(exc)
    match exc:
        case httpx.ConnectError():
            reason = f"it cannot be reached ({why})" if why else "it cannot be reached"
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            reason = "it cannot be reached (it does not accept connections)"
        case httpx.TimeoutException():
            reason = "it does not accept data"
        case _:
            reason = f"the connection broke ({why or type(exc).__name__})"
    never_connected = isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    is_unsent = not sending.has_begun and (never_connected or sending.was_cut)
    return NeverSent(server, reason=reason) if is_unsent else ChildGone(server, reason=reason)


def fault_of(exc: BaseException) -> str:
    """Name what the system said beneath an error of the library; "" when it said nothing known."""
    for cause in _beneath(exc):
        match cause:
            case GatewayError():
                return cause.message
            case socket.gaierror():
                return "its name cannot be resolved"
            case ssl.SSLCertVerificationError():
                return f"its certificate is not trusted: {cause.verify_message}"
            case ssl.SSLError():
                return "TLS cannot be agreed upon"
            case OSError() if cause.errno is not None:
                return os.strerror(cause.errno).lower()
    return ""


def _beneath(exc: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [exc]
    while waiting and len(seen) < 50:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [nxt for nxt in (one.__cause__, one.__context__) if nxt is not None]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
