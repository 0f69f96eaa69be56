"""Our errors as the JSON object that API and command line both answer with, and back again. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import (
    CallTimeout,
    ChildError,
    ChildGone,
    ConfigError,
    ConnectionWaits,
    DiscoveryError,
    GatewayError,
    InstallError,
    NotFound,
    NotRunning,
    RefusedByPolicy,
    RegistryUnavailable,
    ServerBusy,
    ServerNotReady,
    UnknownTool,
    UsageError,
)

Json = dict[str, Any]

_HTTP_STATUS: tuple[tuple[type[GatewayError], int], ...] = (
    (UsageError, 400),
    (ConfigError, 422),
    (InstallError, 422),
    (ConnectionWaits, 409),
    (NotFound, 404),
    (UnknownTool, 404),
    (RefusedByPolicy, 403),
    (NotRunning, 503),
    (RegistryUnavailable, 503),
    (DiscoveryError, 502),
    (ServerBusy, 429),
    (ServerNotReady, 409),
    (CallTimeout, 504),
    (ChildError, 502),
)

_EXIT_STATUS = {cls.code: cls.exit_status for cls in (UsageError, ConfigError, NotRunning, RefusedByPolicy)}


class ApiError(GatewayError):
    """What the daemon answered: an error of the other process, with its own code, fix and details."""

    def __init__(self, error: Mapping[str, Any], *, status: int = 0) -> None:
        code = str(error.get("code") or "internal")
        super().__init__(str(error.get("message") or "unknown error"), fix=str(error.get("fix") or ""), code=code)
        told = error.get("exit_status")
        self.exit_status = told if isinstance(told, int) else _EXIT_STATUS.get(code, 1)
        self.status = status
        details = error.get("details")
        self.details: Json = dict(details) if isinstance(details, Mapping) else {}


def http_status(error: GatewayError) -> int:
    """Say which HTTP status an error is answered with."""
    return next((status for cls, status in _HTTP_STATUS if isinstance(error, cls)), 500)


def describe(error: GatewayError) -> Json:
    """Make `{"error": {"code", "message", "fix", "details"?}}` of an error."""
    body: Json = {"code": error.code, "message": error.message, "fix": error.fix}
    if error.exit_status != _EXIT_STATUS.get(error.code, 1):
        body["exit_status"] = error.exit_status  # a room's own kind of error, whose code does not tell
    details = _details(error)
    if details:
        body["details"] = details
    return {"error": body}


def _details(error: GatewayError) -> Json:
    if isinstance(error, ApiError | ConnectionWaits):
        return error.details
    # Rooms have kinds of errors of their own, which this room may not import; what they name is asked for by name.
    names = ("missing", "missing_secrets", "wanted", "checks")
    keys = {name: list(found) for name in names if (found := getattr(error, name, None))}
    return {**_details_of_kind(error), **keys}


def _details_of_kind(error: GatewayError) -> Json:
    match error:
        case ConfigError():
            return {"problems": [{"path": problem.path, "message": problem.message} for problem in error.problems]}
        case InstallError():
            return {"step": error.step, "exit_code": error.exit_code, "tail": list(error.tail)}
        case UnknownTool():
            return {"nearest": list(error.nearest)}
        case ServerNotReady():
            return {"server": error.server, "state": error.state, "retry_after_s": error.retry_after_s}
        case ChildGone():
            return {"server": error.server, "stderr_tail": list(error.stderr_tail)}
        case RegistryUnavailable():
            return {"retry_after_s": error.retry_after_s, "who": str(error.who)}
        case DiscoveryError():
            return {"who": str(error.who)}
        case _:
            return {}
