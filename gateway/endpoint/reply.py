"""The answer on its way out of the SDK: raw results put in, the session's id written, and JSON instead of a stream.

The SDK answers every request of the legacy era as an event stream. A stream whose first event is the answer itself
is sent as plain JSON; as soon as anything comes before the answer (progress, a keep-alive), it stays a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum, auto
from http import HTTPStatus

import msgspec
from starlette.types import Message, Send

from gateway.endpoint.exchange import Exchange

SESSION_HEADER = b"mcp-session-id"
Headers = list[tuple[bytes, bytes]]

OnStart = Callable[[int, str], str]
"""(status, the SDK's session id) -> the id that the client gets; empty for none."""


class _Kind(msgspec.Struct):
    method: str | msgspec.UnsetType = msgspec.UNSET


_kind = msgspec.json.Decoder(_Kind)


class _State(Enum):
    PASSING = auto()
    JSON = auto()  # held back until it is whole: putting results in changes its length
    UNDECIDED = auto()  # a stream of which nothing was sent yet
    DONE = auto()


class Reply:
    """An ASGI `send` for one exchange."""

    def __init__(self, exchange: Exchange, send: Send, on_start: OnStart, *, may_be_json: bool) -> None:
        self._exchange = exchange
        self._send = send
        self._on_start = on_start
        self._may_be_json = may_be_json
        self._state = _State.PASSING
        self._start: Message = {}
        self._json: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        """Take one ASGI message of the answer."""
        match self._state:
            case _ if message["type"] == "http.response.start":
                await self._begin(message)
            case _State.PASSING:
                await self._send({**message, "body": self._exchange.fill(message.get("body", b""))})
            case _State.JSON:
                await self._more_json(message)
            case _State.UNDECIDED:
                await self._first_event(message)
            case _State.DONE:
                return

    async def _begin(self, message: Message) -> None:
        self._start = {**message, "headers": self._with_session(message)}
        kind = header(self._start["headers"], b"content-type").split(b";")[0]
        if kind == b"application/json":
            self._state = _State.JSON
        elif kind == b"text/event-stream" and self._may_be_json and message["status"] == HTTPStatus.OK:
            self._state = _State.UNDECIDED
        else:
            await self._send(self._start)

    def _with_session(self, message: Message) -> Headers:
        headers: Headers = list(message.get("headers", ()))
        inner = header(headers, SESSION_HEADER)
        if not inner:
            return headers
        outer = self._on_start(message["status"], inner.decode("latin-1"))
        kept = without(headers, SESSION_HEADER)
        return [*kept, (SESSION_HEADER, outer.encode("ascii"))] if outer else kept

    async def _more_json(self, message: Message) -> None:
        self._json.append(message.get("body", b""))
        if not message.get("more_body", False):
            await self._send_json(b"".join(self._json))

    async def _first_event(self, message: Message) -> None:
        body = message.get("body", b"")
        if not body and message.get("more_body", False):
            return
        answer = answer_of(body)
        if answer is not None:
            await self._send_json(answer)
            return
        self._state = _State.PASSING
        await self._send(self._start)
        await self._send({**message, "body": self._exchange.fill(body)})

    async def _send_json(self, body: bytes) -> None:
        self._state = _State.DONE
        filled = self._exchange.fill(body)
        headers = without(self._start["headers"], b"content-type", b"content-length", b"x-accel-buffering")
        length = str(len(filled)).encode()
        headers += [(b"content-type", b"application/json"), (b"content-length", length)]
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": filled, "more_body": False})


def answer_of(event: bytes) -> bytes | None:
    """The JSON-RPC answer in one event of a stream; None when it is a comment, a notification or a request."""
    data = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    if len(data) != 1:
        return None
    try:
        return data[0] if _kind.decode(data[0]).method is msgspec.UNSET else None
    except msgspec.MsgspecError:
        return None


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    """The first header of that (lower-case) name; empty without one."""
    return next((value for key, value in headers if key.lower() == name), b"")


def without(headers: Iterable[tuple[bytes, bytes]], *names: bytes) -> Headers:
    """The headers without those of these (lower-case) names."""
    return [(key, value) for key, value in headers if key.lower() not in names]
