"""`Peer`: framing, calls and `_meta` of one stdio connection: bytes in, events out. No I/O.

What it wants to send back by itself (a pong, a refusal) waits in `data_to_send`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
from msgspec import Raw

from gateway.errors import LocalProtocolError
from gateway.protocol import codes, envelope, meta
from gateway.protocol.calls import Calls
from gateway.protocol.framing import LINE_CAP, LineFramer, Overlong

Token = TypeVar("Token")


@dataclass(frozen=True, slots=True)
class Answered(Generic[Token]):
    """A call of ours has its outcome: a result, an error of theirs, or noise in place of an answer."""

    token: Token
    outcome: envelope.Success | envelope.Failure | envelope.Noise


@dataclass(frozen=True, slots=True)
class Asked:
    """They asked something of us; it has been answered or refused already."""

    method: str


@dataclass(frozen=True, slots=True)
class Progress(Generic[Token]):
    """A call makes progress; `params` carries the caller's own token, or is None when they gave none."""

    token: Token
    params: bytes | None


@dataclass(frozen=True, slots=True)
class Notified:
    """They told us something that belongs to no call."""

    method: str
    params: bytes | None


@dataclass(frozen=True, slots=True)
class Noise:
    """A line that is no message. `text` is what a stray print left there, empty for anything JSON-like."""

    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Late:
    """An answer to a call that was given up: dropped, but a sign of life."""

    wire_id: envelope.Id = 0


Event = Answered[Token] | Asked | Progress[Token] | Notified | Noise | Late

NOISE_TEXT_CHARS = 500
MAX_ID_CHARS = 1024
"""Of an id that they made up: our reply repeats it, and must not be made large by that."""

METHOD_CHARS = 100
"""So much of a method that we do not know is repeated."""


@dataclass(slots=True)
class _Open(Generic[Token]):
    token: Token
    caller_progress: bytes | None


class Peer(Generic[Token]):
    """One connection to a child over lines. Tokens are whatever the owner needs to find the caller again."""

    def __init__(self, *, line_cap: int = LINE_CAP) -> None:
        self._framer = LineFramer(line_cap)
        self._calls: Calls[_Open[Token]] = Calls()
        self._stamp: dict[str, Raw] = {}
        self._reply = bytearray()

    def speak(self, stamp: dict[str, Raw]) -> None:
        """From now on requests carry this in `_meta` (the modern era's duty)."""
        self._stamp = stamp

    @property
    def open_calls(self) -> int:
        """How many calls wait for an answer."""
        return len(self._calls)

    @property
    def stray_answers(self) -> int:
        """How many answers came for nobody."""
        return self._calls.late + self._calls.repeated + self._calls.unknown

    def call(self, token: Token, method: str, params: bytes, *, track: bool = False) -> tuple[int, bytes]:
        """Open a call; return its wire id and the bytes to send. `track` asks the child for progress.

        Raises: LocalProtocolError when `params` is no JSON object.
        """
        opened = _Open(token, None)
        wire_id = self._calls.open(opened)
        try:
            ready, opened.caller_progress = meta.for_leg(params, self._stamp, progress_token=wire_id if track else None)
        except LocalProtocolError:
            self._calls.abandon(wire_id)
            raise
        return wire_id, envelope.request(wire_id, method, ready) + b"\n"

    def notify(self, method: str, params: bytes | None = None) -> bytes:
        """Return the bytes of a notification."""
        return envelope.notification(method, params) + b"\n"

    def cancel(self, wire_id: int, reason: str) -> bytes | None:
        """Give up a call; return what to tell the child, or None when it was answered already."""
        if not self._calls.abandon(wire_id):
            return None
        params = msgspec.json.encode({"requestId": wire_id, "reason": reason})
        return self.notify("notifications/cancelled", params)

    def receive_data(self, data: bytes) -> list[Event[Token]]:
        """Take what the child wrote; return what it means."""
        return list(self.events(data))

    def events(self, data: bytes) -> Iterator[Event[Token]]:
        """Take what the child wrote; read line by line what it means, so that the reader may stop in a flood."""
        for line in self._framer.feed(data):
            if isinstance(line, Overlong) or line.strip():
                yield from self._receive(line)

    def receive_eof(self) -> list[Token]:
        """The stream is over; return who still waits."""
        return [opened.token for opened in self._calls.orphans()]

    def data_to_send(self) -> bytes:
        """Return (once) what the peer answered by itself."""
        data = bytes(self._reply)
        self._reply.clear()
        return data

    def _receive(self, line: bytes | Overlong) -> list[Event[Token]]:
        message = envelope.read(line)
        match message:
            case envelope.Success() | envelope.Failure():
                return self._answered(message.id, message)
            case envelope.Request():
                return [self._asked(message)]
            case envelope.Notification():
                return self._told(message)
            case envelope.Noise():
                return self._noise(message, line)

    def _answered(
        self, ident: envelope.Id, outcome: envelope.Success | envelope.Failure | envelope.Noise
    ) -> list[Event[Token]]:
        late = self._calls.late
        opened = self._calls.answered(ident)
        if opened is not None:
            return [Answered(opened.token, outcome)]
        return [Late(ident) if self._calls.late > late else Noise("an answer that nobody waits for")]

    def _noise(self, noise: envelope.Noise, line: bytes | Overlong) -> list[Event[Token]]:
        events: list[Event[Token]] = [Noise(noise.reason, _stray_text(line))]
        if self._calls.find(noise.answers) is not None and noise.answers is not None:
            events += self._answered(noise.answers, noise)
        return events

    def _asked(self, message: envelope.Request) -> Asked | Noise:
        if isinstance(message.id, str) and len(message.id) > MAX_ID_CHARS:
            return Noise(f"a request with an id of more than {MAX_ID_CHARS} characters")
        if message.method == "ping":
            reply = envelope.success(message.id, b"{}")
        else:
            method = message.method[:METHOD_CHARS]
            reply = envelope.failure(message.id, codes.METHOD_NOT_FOUND, f"{method} is not offered to a shared server")
        self._reply += reply + b"\n"
        return Asked(message.method)

    def _told(self, message: envelope.Notification) -> list[Event[Token]]:
        if message.method != "notifications/progress":
            return [Notified(message.method, message.params)]
        opened = self._calls.find(meta.progress_token(message.params))
        if opened is None or message.params is None:
            return []
        caller = opened.caller_progress
        return [Progress(opened.token, meta.with_progress_token(message.params, caller) if caller else None)]


def _stray_text(line: bytes | Overlong) -> str:
    """Return the words of a stray print; never anything that could be (a piece of) a payload."""
    if isinstance(line, Overlong) or line.lstrip()[:1] in (b"{", b"["):
        return ""
    return line[:NOISE_TEXT_CHARS].decode(errors="replace")
