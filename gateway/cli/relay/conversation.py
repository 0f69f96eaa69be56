"""What the relay remembers between requests: the session, the revision, who is in flight. Thread-safe, no I/O."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

from gateway.cli.relay.link import Hold
from gateway.cli.relay.wire import Message, mirrored_arguments, modern_headers


@dataclass(slots=True)
class Flight:
    """A request that waits for its answer."""

    message: Message
    hold: Hold | None = None
    cancelled: bool = False


def _key(request_id: Any) -> str:
    return json.dumps(request_id)  # 1 and "1" are different requests


class Conversation:
    """One client's conversation with the gateway."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session = ""
        self._version = ""
        self._declared: dict[str, dict[tuple[str, ...], str]] = {}
        self._in_flight: dict[str, Flight] = {}
        self.opening: bytes = b""  # the client's initialize, for a session that must be opened anew

    @property
    def session(self) -> str:
        """The id of the session, "" when there is none (or none is needed)."""
        return self._session

    def opened(self, session: str, version: str) -> None:
        """Keep what the answer to initialize settled."""
        with self._lock:
            self._session, self._version = session, version

    def headers(self, message: Message) -> dict[str, str]:
        """Say what this message's request must carry."""
        with self._lock:
            if message.is_modern:
                return modern_headers(message, self._declared)
            return {} if message.method == "initialize" else self._legacy_headers()

    def stream_headers(self) -> dict[str, str]:
        """Say what the stream of the server's own messages must carry."""
        with self._lock:
            return self._legacy_headers()

    def _legacy_headers(self) -> dict[str, str]:
        made = {"MCP-Protocol-Version": self._version, "Mcp-Session-Id": self._session}
        return {name: value for name, value in made.items() if value}

    def learn_tools(self, line: bytes) -> None:
        """Keep which arguments go into headers, from an answer to tools/list."""
        if b"x-mcp-header" in line:
            found = mirrored_arguments(json.loads(line))
            with self._lock:
                self._declared |= found

    def begin(self, message: Message) -> None:
        """Count a request as in flight."""
        with self._lock:
            self._in_flight[_key(message.id)] = Flight(message)

    def hold(self, message: Message, hold: Hold) -> None:
        """Keep what cuts its connection; cut it at once when it was withdrawn meanwhile."""
        with self._lock:
            flight = self._in_flight.get(_key(message.id))
            if flight is not None:
                flight.hold = hold
        if flight is None:
            hold.cut()

    def end(self, message: Message) -> Flight | None:
        """Count it as answered; None when it was withdrawn, so that nobody waits for the answer."""
        with self._lock:
            return self._in_flight.pop(_key(message.id), None)

    def cancel(self, request_id: Any) -> bool:
        """Cancel a request. True: it was withdrawn by closing its connection, and nobody need be told.

        That is how requests with their own revision are cancelled; the others are by a notification.
        """
        with self._lock:
            flight = self._in_flight.get(_key(request_id))
            if flight is None:
                return False
            flight.cancelled = True
            if not flight.message.is_modern:
                return False
            del self._in_flight[_key(request_id)]
        if flight.hold is not None:
            flight.hold.cut()
        return True

    def holds(self) -> list[Hold]:
        """Name what cuts each open request."""
        with self._lock:
            return [flight.hold for flight in self._in_flight.values() if flight.hold is not None]
