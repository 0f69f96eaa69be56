"""The API's client for the command line: synchronous, standard library only, one connection per verb."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from gateway.admin.location import base_url
from gateway.admin.presence import absence
from gateway.admin.problems import ApiError
from gateway.admin.routes import PREFIX, Route, route_of
from gateway.errors import GatewayError, NotRunning, UsageError

Json = dict[str, Any]
Told = Callable[[Json], None]

CONNECT_S = 5.0
NDJSON = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Daemon:
    """Where a daemon answers, and the token to show it ("" when none was found)."""

    url: str
    token: str
    pid: int | None = None
    state: Path | None = None

    def absence(self, reason: str = "") -> NotRunning:
        """Say why nothing answers there."""
        said = f"nothing answers at {self.url}" + (f": {reason}" if reason else "")
        return absence(self.state, said, announced=self.pid)


def find_daemon(state: Path, environ: Mapping[str, str]) -> Daemon:
    """Find the daemon by `MCP_GATEWAY_URL`, else by `daemon.json`, with the admin token.

    Raises: NotRunning when there is none, or the one that wrote the file is dead; ComingOrGoing.
    """
    return locate(state, environ, variable="MCP_GATEWAY_ADMIN_TOKEN", file="admin-token")


def locate(state: Path, environ: Mapping[str, str], *, variable: str, file: str) -> Daemon:
    """Find the daemon and one of its two tokens: the variable's value, else the file's in the state directory.

    Raises: NotRunning.
    """
    token = environ.get(variable, "").strip() or _read(state / file).strip()
    url = environ.get("MCP_GATEWAY_URL", "").strip()
    if url:
        return Daemon(base_url(url), token)
    known = _daemon_file(state / "daemon.json")
    if known is None:
        raise absence(state, f"no gateway is running with the state directory {state}", announced=None)
    pid, url = known
    if not _is_alive(pid):
        raise absence(state, f"the gateway with pid {pid} (state directory {state}) has ended", announced=None)
    return Daemon(base_url(url), token, pid, state)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _daemon_file(path: Path) -> tuple[int, str] | None:
    try:
        value = json.loads(_read(path) or "null")
    except ValueError:
        return None
    match value:
        case {"pid": int(pid), "url": str(url)} if pid > 0 and url:
            return pid, url
        case _:
            return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # somebody else's process, but a living one
    return True


class ApiClient:
    """Asks one daemon for verbs."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def ask(self, verb: str, **given: Any) -> Json:
        """Carry out one verb and return its JSON.

        Raises: NotRunning when nobody listens; ApiError with what the daemon answered.
        """
        route = route_of(verb)
        connection = self._connect(route.timeout_s)
        try:
            status, body = self._send(connection, route, given, "application/json")
            return _result(status, body.read(), self._daemon)
        except TimeoutError as exc:
            raise _silent(verb, route.timeout_s) from exc
        except (http.client.HTTPException, OSError) as exc:
            raise _broken(exc) from exc
        finally:
            connection.close()

    def follow(self, verb: str, tell: Told, **given: Any) -> Json:
        """Carry out a verb that tells lines on its way; return its result ({} for logs that just end).

        Raises: as `ask`.
        """
        route = route_of(verb)
        connection = self._connect(route.timeout_s)
        try:
            status, body = self._send(connection, route, given, NDJSON)
            if status != 200 or not body.headers.get("Content-Type", "").startswith(NDJSON):
                return _result(status, body.read(), self._daemon)
            return _follow(body, tell, may_end=verb == "logs")
        except TimeoutError as exc:
            raise _silent(verb, route.timeout_s) from exc
        except (http.client.HTTPException, OSError) as exc:
            raise _broken(exc) from exc
        finally:
            connection.close()

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        connection = open_connection(self._daemon.url, CONNECT_S)
        try:
            connection.connect()
        except OSError as exc:
            raise self._daemon.absence(exc.strerror or str(exc)) from exc
        connection.sock.settimeout(timeout_s)
        return connection

    def _send(
        self, connection: http.client.HTTPConnection, route: Route, given: Mapping[str, Any], accept: str
    ) -> tuple[int, http.client.HTTPResponse]:
        path, body = _request(route, given)
        headers = {"Accept": accept}
        if self._daemon.token:
            headers["Authorization"] = f"Bearer {self._daemon.token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(route.method, urlsplit(self._daemon.url).path + path, body, headers)
        response = connection.getresponse()
        return response.status, response


def open_connection(url: str, timeout_s: float) -> http.client.HTTPConnection:
    """Make a connection to the host of a URL; it is opened at the first request.

    Raises: UsageError for something that is not an http(s) URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in {"http", "https"}:
        raise UsageError(f"{url!r} is not the address of a gateway", fix="Set MCP_GATEWAY_URL=http://HOST:PORT.")
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_s)
    return http.client.HTTPConnection(host, port, timeout=timeout_s)


def _request(route: Route, given: Mapping[str, Any]) -> tuple[str, bytes | None]:
    values = {name: value for name, value in given.items() if value is not None}
    places = {param.name: param.place for param in route.params}
    path = PREFIX + route.path
    query: list[tuple[str, str]] = []
    body: Json = {}
    for name, value in values.items():
        match places[name]:
            case "path":
                path = path.replace("{" + name + "}", quote(str(value), safe=""))
            case "query":
                query.append((name, _query_text(value)))
            case "body":
                body[name] = value
    return f"{path}?{urlencode(query)}" if query else path, json.dumps(body).encode() if body else None


def _query_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


def _follow(body: Iterator[bytes], tell: Told, *, may_end: bool) -> Json:
    for raw in body:
        if not raw.strip():
            continue
        line = _object(raw)
        if "error" in line:
            raise ApiError(line["error"])
        if "result" in line:
            return dict(line["result"])
        tell(line)
    if not may_end:
        raise _broken(EOFError("it ended before the gateway was done"))
    return {}


def _result(status: int, raw: bytes, daemon: Daemon) -> Json:
    value = _object(raw)
    error = value.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if status == 401 or (status == 403 and code != "refused"):
        raise _unauthorized(daemon)
    if status == 200:
        return value
    if not isinstance(error, dict):
        raise GatewayError(
            f"{daemon.url} answered with HTTP status {status}",
            fix="Is a gateway of this version listening there?", code="unexpected_answer",
        )  # fmt: skip
    raise ApiError(error, status=status)


def _object(raw: bytes) -> Json:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _unauthorized(daemon: Daemon) -> GatewayError:
    had = "does not accept the admin token" if daemon.token else "wants the admin token"
    return GatewayError(
        f"the gateway at {daemon.url} {had}",
        fix="Set MCP_GATEWAY_ADMIN_TOKEN, or name its state directory (STATE/admin-token holds it) with --state-dir.",
        code="unauthorized",
    )


def _silent(verb: str, timeout_s: float) -> GatewayError:
    return GatewayError(
        f"the gateway did not answer {verb} within {timeout_s:g} s", fix="See the daemon's log.", code="timeout"
    )


def _broken(exc: Exception) -> GatewayError:
    return GatewayError(
        f"the connection to the gateway broke: {exc}",
        fix="See whether it still runs: mcp-gateway status",
        code="broken",
    )
