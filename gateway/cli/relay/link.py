"""The way to the gateway: finds it, posts to it, finds it again after a restart. One connection per request."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from gateway.admin.client import Daemon, open_connection
from gateway.errors import NotRunning

ACCEPT = "application/json, text/event-stream"
CONNECT_S = 5.0
REDIAL_EVERY_S = 0.25

Locate = Callable[[], Daemon]


class AwayError(Exception):
    """Nobody took the request: it was certainly not carried out."""


class LostError(Exception):
    """The connection ended after the request was sent: whether it was carried out is not known."""


class Link:
    """Opens requests to wherever the gateway is now.

    `patience_s` is how long a request waits for a gateway that is being restarted; `closing` ends every wait.
    """

    def __init__(self, locate: Locate, path: str, closing: threading.Event, *, patience_s: float = 5.0) -> None:
        self._locate = locate
        self._path = path
        self._closing = closing
        self._patience_s = patience_s

    def check(self) -> None:
        """Knock once.

        Raises: NotRunning when nobody is there.
        """
        daemon = self._locate()
        try:
            self._connected(daemon).close()
        except OSError as exc:
            raise daemon.absence() from exc

    @contextmanager
    def request(
        self,
        method: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        read_s: float,
        opened: Callable[[Hold], None],
    ) -> Iterator[http.client.HTTPResponse]:
        """Send one request and give its response; `opened` gets what cuts it from another thread.

        Raises: AwayError; LostError, also while the response is read.
        """
        daemon, connection = self._dial()
        connection.sock.settimeout(read_s)
        opened(Hold(connection.sock))
        try:
            path = urlsplit(daemon.url).path + self._path
            connection.request(method, path, body, _headers(daemon, body, headers))
            yield connection.getresponse()
        except (http.client.HTTPException, OSError) as exc:
            raise LostError(str(exc)) from exc
        finally:
            connection.close()

    def tries(self) -> Iterator[None]:
        """Come round as long as a request waits for a gateway that is there and turns it away."""
        waited_s = 0.0
        yield
        while waited_s < self._patience_s and not self._closing.wait(REDIAL_EVERY_S):
            waited_s += REDIAL_EVERY_S
            yield

    def _dial(self) -> tuple[Daemon, http.client.HTTPConnection]:
        # The address is looked up each time: a restarted gateway may have another port or token.
        waited_s = 0.0
        while True:
            try:
                daemon = self._locate()
                return daemon, self._connected(daemon)
            except (NotRunning, OSError) as exc:
                if waited_s >= self._patience_s or self._closing.wait(REDIAL_EVERY_S):
                    raise AwayError(str(exc)) from exc
                waited_s += REDIAL_EVERY_S

    @staticmethod
    def _connected(daemon: Daemon) -> http.client.HTTPConnection:
        connection = open_connection(daemon.url, CONNECT_S)
        connection.connect()
        return connection


class Hold:
    """What ends one open request from another thread; its own thread then closes the connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def cut(self) -> None:
        """Wake up whoever reads from it: nothing more will come."""
        with suppress(OSError):  # closed already, by either side
            self._socket.shutdown(socket.SHUT_RDWR)


def _headers(daemon: Daemon, body: bytes | None, headers: Mapping[str, str]) -> dict[str, str]:
    made = {"Accept": ACCEPT, **headers}
    if daemon.token:
        made["Authorization"] = f"Bearer {daemon.token}"
    if body is not None:
        made["Content-Type"] = "application/json"
    return made
