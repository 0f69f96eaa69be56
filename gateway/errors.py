"""The house's exceptions, each named by who must act. Only `endpoint/answers.py` turns them into the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class GatewayError(Exception):
    """Root of all errors that carry a message for a person.

    `code` is stable and machine-readable, `fix` says what to do, `exit_status` is the CLI's.
    """

    code = "internal"
    exit_status = 1

    def __init__(self, message: str, *, fix: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        if code is not None:
            self.code = code


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration: where (TOML path) and what to do."""

    path: str
    message: str


class ConfigError(GatewayError):
    """The operator must act: lists every problem at once."""

    code = "config"
    exit_status = 2

    def __init__(self, problems: Sequence[Problem], *, file: str = "config.toml") -> None:
        self.problems = tuple(problems)
        lines = [f"{p.path}: {p.message}" for p in self.problems]
        super().__init__(f"{file} has {len(lines)} problem(s):\n  " + "\n  ".join(lines), fix=f"Correct {file}.")


class UsageError(GatewayError):
    """The person at the keyboard (or the program) asked for something malformed."""

    code = "usage"
    exit_status = 2


class NotRunning(GatewayError):
    """The verb needs a running daemon."""

    code = "not_running"
    exit_status = 3


class RefusedByPolicy(GatewayError):
    """A rule of the operator (or a safety rule of ours) says no."""

    code = "refused"
    exit_status = 4


class NotFound(GatewayError):
    """Nothing of that name is known here."""

    code = "not_found"


class StoreError(GatewayError):
    """The operator must act: the store is damaged, foreign, or written by a newer version."""

    code = "store"


class StoreUnavailable(StoreError):
    """The store cannot be written or read now (disk full, read-only, locked); it may come back by itself."""

    code = "store_unavailable"


class Who(StrEnum):
    """Who can mend what went wrong with a registry."""

    PERSON = "person"  # at this keyboard: the key, the question, the configuration, the network
    OWNER = "account_owner"  # of the account at the registry: pay, or grant access
    REGISTRY = "registry"  # its operators: it is broken, or answers nonsense
    PUBLISHER = "publisher"  # of the one server whose entry is bad
    NOBODY = "nobody"  # wait: it passes


class DiscoveryError(GatewayError):
    """A registry did not answer, or not usefully; `who` must act."""

    code = "discovery"
    who = Who.REGISTRY

    def __init__(self, message: str, *, fix: str = "", code: str | None = None, who: Who | None = None) -> None:
        super().__init__(message, fix=fix, code=code)
        if who is not None:
            self.who = who


class RegistryUnavailable(DiscoveryError):
    """The registry is down, slow, or asks to wait `retry_after_s`."""

    code = "registry_unavailable"
    who = Who.NOBODY

    def __init__(
        self, message: str, *, fix: str = "", retry_after_s: float | None = None, who: Who | None = None
    ) -> None:
        super().__init__(message, fix=fix, who=who)
        self.retry_after_s = retry_after_s


class RegistryUnauthorized(DiscoveryError):
    """The operator must give (or correct) an API key, or its account lacks a right."""

    code = "unauthorized"
    who = Who.PERSON


class ListingInvalid(DiscoveryError):
    """One entry of a registry is malformed: skip it and count it."""

    code = "listing_invalid"
    who = Who.PUBLISHER


class ConnectionWaits(GatewayError):
    """A person must act before a connection of Smithery Connect can be used: sign in, or give what is missing.

    `state` (auth_required, input_required) is the code as well; `setup_url` is https, or None. `missing` and
    `missing_secrets` are the keys of the values to give.
    """

    def __init__(
        self,
        message: str,
        *,
        state: str,
        namespace: str,
        connection: str,
        setup_url: str | None,
        fix: str = "",
        missing: Sequence[str] = (),
        missing_secrets: Sequence[str] = (),
    ) -> None:
        super().__init__(message, fix=fix, code=state)
        self.namespace = namespace
        self.connection = connection
        self.setup_url = setup_url
        self.missing = tuple(missing)
        self.missing_secrets = tuple(missing_secrets)

    @property
    def details(self) -> dict[str, object]:
        """What a program needs to know, as JSON values."""
        return {
            "state": self.code,
            "namespace": self.namespace,
            "connection": self.connection,
            "setup_url": self.setup_url,
            "missing": list(self.missing),
            "missing_secrets": list(self.missing_secrets),
        }


class InstallError(GatewayError):
    """A package did not install: which step, its exit status, its last lines."""

    code = "install"

    def __init__(
        self, message: str, *, step: str, fix: str = "", exit_code: int | None = None, tail: Sequence[str] = ()
    ) -> None:
        super().__init__(message, fix=fix)
        self.step = step
        self.exit_code = exit_code
        self.tail = tuple(tail)


class ChildError(GatewayError):
    """The supervisor acts: something happened to one child."""

    code = "child"

    def __init__(self, server: str, message: str, *, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.server = server


class SpawnFailed(ChildError):
    """The process could not be started."""

    code = "spawn_failed"


class HandshakeFailed(ChildError):
    """The process runs but does not speak MCP (in time)."""

    code = "handshake_failed"


class ChildGone(ChildError):
    """The child died (or its pipe did) while somebody waited for it.

    `ran` is False where the request surely was not carried out, so that it may be sent again; mostly nobody knows.
    `comes_back`: whether the server is to be started again; None: that is not known, or it never ended.
    """

    code = "child_gone"

    def __init__(
        self,
        server: str,
        *,
        reason: str,
        stderr_tail: Sequence[str] = (),
        ran: bool | None = None,
        comes_back: bool | None = None,
    ) -> None:
        super().__init__(server, f"{server} is gone: {reason}")
        self.reason = reason
        self.stderr_tail = tuple(stderr_tail)
        self.ran = ran
        self.comes_back = comes_back


class CallTimeout(ChildError):
    """No answer within the deadline: `allowed_s`, as configured or asked for. `after_s`: as it was measured."""

    code = "timeout"

    def __init__(self, server: str, after_s: float, *, allowed_s: float | None = None) -> None:
        self.after_s = after_s
        self.allowed_s = after_s if allowed_s is None else allowed_s
        super().__init__(server, f"{server} did not answer within {self.allowed_s:g} s")

    def after_waiting(self, waited_s: float) -> CallTimeout:
        """The same for who waited so long before it was sent: that was part of what is allowed."""
        return CallTimeout(self.server, self.after_s, allowed_s=round(self.allowed_s + waited_s, 2))


class RouteError(GatewayError):
    """The caller must act: nothing (ready) answers to that name."""

    code = "route"


class UnknownTool(RouteError):
    """No tool of that name; `nearest` are the closest names."""

    code = "unknown_tool"

    def __init__(self, name: str, nearest: Sequence[str] = ()) -> None:
        super().__init__(
            f"unknown tool {name!r}",
            fix=f"Did you mean {', '.join(nearest)}?" if nearest else "See `mcp-gateway tools` for what there is.",
        )
        self.name = name
        self.nearest = tuple(nearest)


class ServerNotReady(RouteError):
    """The server exists, but cannot be called now."""

    code = "not_ready"

    def __init__(self, server: str, *, state: str, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{server} is {state}: {reason}")
        self.server = server
        self.state = state
        self.reason = reason
        self.retry_after_s = retry_after_s


class ServerBusy(RouteError):
    """The server has as many calls in flight as it may have, and no room or time is left to wait. Nothing was sent."""

    code = "busy"

    def __init__(self, server: str, limit: int, *, reason: str = "", retry_after_s: float = 1.0) -> None:
        super().__init__(f"{server} already has {limit} calls in flight" + (f", and {reason}" if reason else ""))
        self.server = server
        self.limit = limit
        self.reason = reason
        self.retry_after_s = retry_after_s


class ServerOverloaded(RouteError):
    """The server itself (or what stands before it) takes no more for `retry_after_s`; it did not do what was asked."""

    code = "busy"

    def __init__(self, server: str, *, status: int, retry_after_s: float) -> None:
        what = "too many requests" if status == 429 else "it has no room now"
        super().__init__(
            f"{server} takes no calls now: {what} (HTTP {status})", fix=f"Call again in {retry_after_s:.0f} s.",
            code="rate_limited" if status == 429 else "busy",
        )  # fmt: skip
        self.server = server
        self.status = status
        self.retry_after_s = retry_after_s


class BreakerOpen(RouteError):
    """The server (or the tool) failed too often lately: calls are held back until `retry_after_s` has passed."""

    code = "breaker_open"

    def __init__(self, server: str, *, tool: str | None, reason: str, retry_after_s: float) -> None:
        what = f"{server}'s tool {tool!r}" if tool is not None else server
        super().__init__(f"{what} is left alone for a while: {reason}")
        self.server = server
        self.tool = tool
        self.reason = reason
        self.retry_after_s = retry_after_s


class ToolQuarantined(RouteError):
    """The tool's definition changed since it was approved; nobody may call it until somebody approves it."""

    code = "quarantined"

    def __init__(self, server: str, tool: str) -> None:
        super().__init__(f"the definition of {server}'s tool {tool!r} changed since it was approved")
        self.server = server
        self.tool = tool


class TooLarge(RouteError):
    """An answer is larger than the gateway relays."""

    code = "too_large"

    def __init__(self, server: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"{server} answered with {size_bytes} bytes; at most {limit_bytes} are relayed")
        self.server = server
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class AnswerTooLarge(TooLarge):
    """An answer broke the cap of one message and was thrown away unread; `size_bytes` is what it was at least."""

    def __init__(self, server: str, limit_bytes: int) -> None:
        super().__init__(server, limit_bytes + 1, limit_bytes)
        self.message = f"the answer of {server} is larger than {limit_bytes} bytes"
        self.args = (self.message,)


class RpcError(GatewayError):
    """A child answered a request with a JSON-RPC error; `data` is the raw JSON of its data member."""

    code = "rpc_error"

    def __init__(self, rpc_code: int, message: str, data: bytes | None = None) -> None:
        super().__init__(message)
        self.rpc_code = rpc_code
        self.data = data


class ProtocolError(GatewayError):
    """Somebody broke a protocol."""

    code = "protocol"


class RemoteProtocolError(ProtocolError):
    """They broke it: drop or restart."""


class LocalProtocolError(ProtocolError):
    """We broke it: a bug, always logged with traceback."""
