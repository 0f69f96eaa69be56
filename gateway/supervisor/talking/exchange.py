"""One POST to a remote MCP server and whatever comes back for it: a JSON answer, or a stream of messages."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import httpx

from gateway.errors import AnswerTooLarge, ChildGone, GatewayError, RemoteProtocolError, SpawnFailed
from gateway.net.bodies import CodedBodyError, plain_pieces
from gateway.protocol import envelope, meta
from gateway.protocol.framing import LINE_CAP
from gateway.protocol.sse import SseReader
from gateway.supervisor.ports import OnNotify, OnTold
from gateway.supervisor.talking.outcomes import answer_to, as_error
from gateway.supervisor.talking.patience import Patience
from gateway.supervisor.talking.waiting import why_waiting

CONNECT_S: Final = 10.0
WRITE_S: Final = 30.0


class SessionLost(Exception):
    """The server no longer knows our session: it never ran this request."""


class HttpRefused(ChildGone):
    """The server answered with an HTTP status in place of a message."""

    def __init__(self, server: str, status: int) -> None:
        super().__init__(server, reason=f"it answered with HTTP {status}")
        self.status = status


class PersonNeeded(HttpRefused):
    """The server will do nothing before somebody has signed in, or given it values."""

    def __init__(self, server: str, status: int, reason: str) -> None:
        super().__init__(server, status)
        self.reason = reason
        self.message = f"{server} cannot be used: {reason}"
        self.args = (self.message,)


@dataclass(slots=True)
class Exchange:
    """What one request needs while its response is read."""

    server: str
    wire_id: int
    patience: Patience
    on_notify: OnNotify | None
    on_told: OnTold
    reply: Callable[[bytes], Awaitable[None]]
    caller_progress: bytes | None = None
    noise: int = 0
    heard: int = 0

    async def read(self, response: httpx.Response) -> bytes:
        """Return the raw result.

        Raises: RpcError, RemoteProtocolError, AnswerTooLarge, HttpRefused, ChildGone.
        """
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "text/event-stream" and response.is_success:
            return await self._stream(response)
        if kind == "application/json":
            return self._single(await self._body(response), response.status_code)
        raise HttpRefused(self.server, response.status_code)

    async def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for piece in plain_pieces(response):
            body += piece
            if len(body) > LINE_CAP:
                raise AnswerTooLarge(self.server, LINE_CAP)
        return bytes(body)

    def _single(self, body: bytes, status: int) -> bytes:
        message = envelope.read(body)
        if (reason := why_waiting(status, body)) is not None:
            raise PersonNeeded(self.server, status, reason)
        if isinstance(message, envelope.Success | envelope.Failure) and self._is_ours(message.id):
            return self._outcome(message)
        if status >= 400:
            raise HttpRefused(self.server, status)
        raise RemoteProtocolError(f"{self.server} sent something else in place of an answer")

    async def _stream(self, response: httpx.Response) -> bytes:
        reader = SseReader()
        async for piece in plain_pieces(response):
            for event in reader.feed(piece):
                if event is None:
                    raise AnswerTooLarge(self.server, LINE_CAP)
                message = envelope.read(event.data)
                if isinstance(message, envelope.Success | envelope.Failure) and self._is_ours(message.id):
                    return self._outcome(message)
                await self._other(message)
        raise ChildGone(self.server, reason="its stream ended without an answer")

    async def _other(self, message: envelope.Envelope) -> None:
        match message:
            case envelope.Notification():
                self.heard += 1
                self._told(message)
            case envelope.Request():
                self.heard += 1
                await self.reply(answer_to(message))
            case envelope.Noise():
                self.noise += 1
                if message.answers is not None and self._is_ours(message.answers):
                    raise as_error(self.server, message)
            case _:
                self.noise += 1

    def _told(self, message: envelope.Notification) -> None:
        if message.method == "notifications/progress":
            self.patience.extend()
            if self.on_notify is not None and self.caller_progress is not None and message.params is not None:
                self.on_notify(message.method, meta.with_progress_token(message.params, self.caller_progress))
        elif message.method == "notifications/message" and self.on_notify is not None:
            self.on_notify(message.method, message.params or b"{}")
        else:
            self.on_told(message.method, message.params)

    def _is_ours(self, ident: envelope.Id) -> bool:
        return str(ident) == str(self.wire_id)

    def _outcome(self, message: envelope.Success | envelope.Failure) -> bytes:
        self.heard += 1
        if isinstance(message, envelope.Success):
            return message.result
        raise as_error(self.server, message)


@contextlib.asynccontextmanager
async def trouble_as_gone(server: str) -> AsyncIterator[None]:
    """Turn the HTTP library's errors into ours. Their texts carry no URL, hence no secret of its query."""
    try:
        yield
    except httpx.TimeoutException as exc:
        raise ChildGone(server, reason="it does not accept connections or data") from exc
    except httpx.ConnectError as exc:
        if isinstance(exc, GatewayError):
            # The guard of outbound connections refused the address: waiting does not mend that.
            raise SpawnFailed(server, f"{server} cannot connect: {exc.message}", fix=exc.fix) from exc
        raise ChildGone(server, reason="it cannot be reached") from exc
    except CodedBodyError as exc:
        raise ChildGone(server, reason=f"it answered with {exc}") from exc
    except httpx.HTTPError as exc:
        raise ChildGone(server, reason=f"the connection broke ({type(exc).__name__})") from exc
