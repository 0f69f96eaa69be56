"""`Poster`: puts single requests, and what nobody answers, on the wire of one remote server, and counts what it hears.

It sends each once and keeps nothing between them; whether a request is sent again is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import anyio
import msgspec

from gateway.net.bodies import plain_pieces
from gateway.protocol import envelope
from gateway.protocol.sse import SseReader
from gateway.supervisor.ports import OnNoise, OnNotify, OnTold
from gateway.supervisor.talking.http.exchange import STREAM, Exchange, Tails, form_of
from gateway.supervisor.talking.http.headers import SESSION, request_headers
from gateway.supervisor.talking.http.refusals import HttpRefused, SessionLost
from gateway.supervisor.talking.http.session import Session, session_id
from gateway.supervisor.talking.http.wire import Wire
from gateway.supervisor.talking.outcomes import answer_to
from gateway.supervisor.talking.patience import Patience

EMPTY: Final = b"{}"


@dataclass(slots=True)
class Call:
    """One request, however often it has to be sent. `unrun`: the server surely did not carry it out so far."""

    method: str
    params: bytes
    patience: Patience
    on_told: OnTold
    on_notify: OnNotify | None = None
    may_cancel: bool = True
    wire_id: int = 0
    session_given: str = ""
    unrun: bool = True


class Poster:
    """Speaks over one `Wire`."""

    def __init__(self, server: str, client_info: bytes, *, on_noise: OnNoise) -> None:
        self._server = server
        self._client_info = client_info
        self._on_noise = on_noise
        self._tails = Tails()
        self._last_id = 0
        self.noise = 0
        self.heard = 0

    async def post(self, wire: Wire, call: Call, session: Session) -> bytes:
        """Send a request and return the raw result.

        Raises: what `Exchange.read` and `Wire.send` raise.
        """
        self._last_id += 1
        call.wire_id, call.unrun = self._last_id, False
        ready, theirs = session.prepared(call.params, self._client_info, call.wire_id)
        exchange = Exchange(
            self._server,
            call.wire_id,
            call.patience,
            call.on_notify,
            call.on_told,
            lambda body: self.tell(wire, body, session),
            caller_progress=theirs,
            in_session=session.is_legacy,
            on_noise=self._on_noise,
            tails=self._tails,
        )
        headers = request_headers(call.method, ready, session.agreed, session.id)
        try:
            async with wire.send("POST", headers, envelope.request(call.wire_id, call.method, ready)) as response:
                if session.agreed is None and response.is_success:
                    call.session_given = session_id(self._server, response.headers.get(SESSION, ""))
                return await exchange.read(response)
        finally:
            self.noise += exchange.noise
            self.heard += exchange.heard

    async def tell(self, wire: Wire, body: bytes, session: Session) -> None:
        """Post a notification or an answer."""
        await wire.tell("POST", request_headers("", EMPTY, session.agreed, session.id), body)

    async def cancel(self, wire: Wire, call: Call, session: Session, reason: str) -> None:
        """Tell a legacy server that nobody waits any more; a modern one saw the stream close."""
        if call.may_cancel and call.wire_id and session.is_legacy:
            params = msgspec.json.encode({"requestId": call.wire_id, "reason": reason})
            await self.tell(wire, envelope.notification("notifications/cancelled", params), session)

    async def end(self, wire: Wire, session: Session, within_s: float) -> None:
        """End a session politely."""
        if session.id:
            with anyio.move_on_after(within_s):
                await wire.tell("DELETE", request_headers("", EMPTY, session.agreed, session.id))

    async def read_notices(self, wire: Wire, session: Session, on_told: OnTold, on_piece: Callable[[], None]) -> None:
        """Read a legacy server's stream of notices to its end; `on_piece` is called whenever something came.

        Raises: SessionLost, HttpRefused where there is none, ChildGone.
        """
        headers = {**request_headers("", EMPTY, session.agreed, session.id), "accept": STREAM}
        async with wire.send("GET", headers) as response:
            if response.status_code == 404 and session.id:
                raise SessionLost
            if form_of(response) != STREAM:
                raise HttpRefused(self._server, response.status_code)
            reader = SseReader()
            async for piece in plain_pieces(response):
                on_piece()
                for event in reader.feed(piece):
                    await self._notice(wire, event.data if event is not None else b"", session, on_told)

    async def _notice(self, wire: Wire, data: bytes, session: Session, on_told: OnTold) -> None:
        message = envelope.read(data)
        if isinstance(message, envelope.Notification):
            self.heard += 1
            on_told(message.method, message.params)
        elif isinstance(message, envelope.Request):
            await self.tell(wire, answer_to(message), session)
        else:
            self.noise += 1
            self._on_noise()
