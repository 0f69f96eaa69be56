"""One POST to a remote MCP server and whatever comes back for it: a JSON answer, or a stream of messages."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import anyio
import httpx

from gateway.errors import AnswerTooLarge, ChildGone, RemoteProtocolError
from gateway.net.bodies import plain_pieces
from gateway.protocol import envelope, meta
from gateway.protocol.framing import LINE_CAP
from gateway.protocol.sse import SseReader
from gateway.supervisor.ports import OnNoise, OnNotify, OnTold
from gateway.supervisor.talking.http.refusals import HttpRefused, meaning
from gateway.supervisor.talking.outcomes import answer_to, as_error
from gateway.supervisor.talking.patience import Patience

JSON: Final = "application/json"
STREAM: Final = "text/event-stream"

REFUSAL_CAP: Final = 65536
"""How much is read of a refusal that is no JSON."""

TAIL_S: Final = 0.02
"""A stream that ends with its answer leaves a connection that can be used again: its end mostly follows at once."""


@dataclass(slots=True)
class Tails:
    """Whether a server ends its streams with the answer, as far as it was seen."""

    worth_waiting: bool = True


def form_of(response: httpx.Response) -> str:
    """Return the content type, without parameters."""
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


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
    in_session: bool = False
    on_noise: OnNoise = lambda: None
    tails: Tails | None = None
    noise: int = 0
    heard: int = 0

    async def read(self, response: httpx.Response) -> bytes:
        """Return the raw result.

        Raises: RpcError, RemoteProtocolError, AnswerTooLarge, ServerOverloaded, HttpRefused, ChildGone; SessionLost
        and AccessRefused when the server refused before it ran anything.
        """
        form = form_of(response)
        if form == STREAM and response.is_success:
            return await self._stream(response)
        body = await self._body(response, LINE_CAP if form == JSON else REFUSAL_CAP)
        message = envelope.read(body) if form == JSON else envelope.Noise("no JSON")
        is_ours = isinstance(message, envelope.Success | envelope.Failure) and self._is_ours(message.id)
        if not response.is_success:
            self._refused(response, body, is_answer=is_ours)
        if isinstance(message, envelope.Success | envelope.Failure) and is_ours:
            return self._outcome(message)
        if form != JSON or response.status_code >= 400:
            raise HttpRefused(self.server, response.status_code)
        raise RemoteProtocolError(f"{self.server} sent something else in place of an answer")

    def _refused(self, response: httpx.Response, body: bytes, *, is_answer: bool) -> None:
        why = meaning(
            self.server,
            response.status_code,
            response.headers,
            body,
            in_session=self.in_session,
            is_answer=is_answer,
        )
        if why is not None:
            raise why

    async def _body(self, response: httpx.Response, cap: int) -> bytes:
        body = bytearray()
        async for piece in plain_pieces(response):
            body += piece
            if len(body) > cap:
                if cap == REFUSAL_CAP:
                    break
                raise AnswerTooLarge(self.server, cap)
        return bytes(body)

    async def _stream(self, response: httpx.Response) -> bytes:
        reader = SseReader()
        pieces = plain_pieces(response)
        async for piece in pieces:
            for event in reader.feed(piece):
                if event is None:
                    raise AnswerTooLarge(self.server, LINE_CAP)
                message = envelope.read(event.data)
                if isinstance(message, envelope.Success | envelope.Failure) and self._is_ours(message.id):
                    await self._to_its_end(pieces)
                    return self._outcome(message)
                await self._other(message)
        raise ChildGone(self.server, reason="its stream ended without an answer")

    async def _to_its_end(self, pieces: AsyncIterator[bytes]) -> None:
        if self.tails is None or not self.tails.worth_waiting:
            return
        read = 0
        # The answer is here: neither its deadline nor a broken connection may take it away any more.
        with anyio.move_on_after(TAIL_S, shield=True) as scope, contextlib.suppress(httpx.HTTPError):
            async for piece in pieces:
                read += len(piece)
                if read > REFUSAL_CAP:
                    break
        self.tails.worth_waiting = not scope.cancelled_caught

    async def _other(self, message: envelope.Envelope) -> None:
        match message:
            case envelope.Notification():
                self.heard += 1
                self._told(message)
            case envelope.Request():
                self.heard += 1
                await self.reply(answer_to(message))
            case envelope.Noise():
                self._noticed_noise()
                if message.answers is not None and self._is_ours(message.answers):
                    raise as_error(self.server, message)
            case _:
                self._noticed_noise()

    def _noticed_noise(self) -> None:
        self.noise += 1
        self.on_noise()

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
