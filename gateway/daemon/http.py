"""The daemon's HTTP server: one socket, one router by path, uvicorn inside our task tree."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator, Mapping

import anyio
import uvicorn
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.endpoint.connections import PatientProtocol
from gateway.errors import GatewayError

BACKLOG = 512
MAX_CONNECTIONS = 512
KEEP_ALIVE_S = 75  # clients keep idle connections between an agent's rounds; shorter, and they meet a reset
_GOODBYE = (b"connection", b"close")


def listen(host: str, port: int) -> socket.socket:
    """Bind the daemon's address.

    Raises: GatewayError when it is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as exc:
        sock.close()
        raise GatewayError(
            f"cannot listen on {host}:{port}: {exc.strerror}", fix=_bind_fix(exc.errno), code="listen"
        ) from exc
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


def _bind_fix(number: int | None) -> str:
    if number == errno.EADDRINUSE:
        return "Another program listens there: stop it, or choose another --port."
    return "Choose another --host or --port."


class Router:
    """Sends a request to the app of the longest matching path prefix."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = sorted(apps.items(), key=lambda entry: -len(entry[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        for prefix, app in self._apps:
            if path == prefix or path.startswith(prefix + "/"):
                return await app(scope, receive, send)
        if path == "/":
            return await RedirectResponse("/ui")(scope, receive, send)
        body = {
            "error": {"code": "not_found", "message": f"nothing is at {path[:200]}", "fix": "See /mcp, /api/v1, /ui."}
        }
        return await JSONResponse(body, status_code=404)(scope, receive, send)


class HttpServer(uvicorn.Server):
    """uvicorn without its own signal handling: the daemon's task tree decides when it stops."""

    def __init__(self, app: ASGIApp, sock: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http=PatientProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=MAX_CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE_S,
                h11_max_incomplete_event_size=32 * 1024,
            )
        )
        self._socket = sock
        self.servers = []

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def run_until_stopped(self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Serve until `leave` and the end of open requests (or `hurry`)."""
        task_status.started()
        await self.serve(sockets=[self._socket])

    @property
    def open_requests(self) -> int:
        """How many requests are being answered, streams without an end among them."""
        return len(self.server_state.tasks)

    def say_goodbye(self) -> None:
        """Ask everybody who is answered from now on not to come back on this connection."""
        # uvicorn makes its headers of these once a second, and takes them for every new request.
        self.config.encoded_headers.append(_GOODBYE)
        self.server_state.default_headers = [*self.server_state.default_headers, _GOODBYE]

    def stop_accepting(self) -> None:
        """Close the listening socket. Whoever is connected is answered still."""
        for server in self.servers:
            server.close()

    def leave(self) -> None:
        """Close idle connections; the others end with their answers."""
        self.should_exit = True

    def hurry(self) -> None:
        """Do not wait for open connections any longer."""
        self.should_exit = self.force_exit = True
