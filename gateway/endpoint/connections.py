"""uvicorn's connection with patience that ends: who connects and does not send whole headers is let go.

uvicorn alone keeps such a connection open for ever. Not a gate: nothing of the request is judged here.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_DEADLINE_S = 10.0
HEADER_BYTES = 64 * 1024  # the gate's own limit is lower; this one bounds what is kept before there is a request


class PatientProtocol(HttpToolsProtocol):
    """Give it to `uvicorn.Config(http=…)`."""

    header_deadline_s = HEADER_DEADLINE_S
    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection is open: the headers of its first request must follow."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came; of headers only so many."""
        waiting = self._deadline is not None
        super().data_received(data)
        if waiting and self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEADER_BYTES and not self.transport.is_closing():
                self.transport.close()

    def on_message_begin(self) -> None:
        """Another request begins on this connection."""
        if self._deadline is None:
            self._arm()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The headers are whole."""
        self._disarm()
        super().on_headers_complete()

    def _arm(self) -> None:
        self._head_bytes = 0
        self._deadline = self.loop.call_later(self.header_deadline_s, self._too_late)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
