"""From an exception to the wire: the only such place. No I/O.

What lies behind the gateway is a result with `isError: true`, which a model can read and act on; only what the
caller itself did wrong is a JSON-RPC error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.endpoint.routing import is_quiet
from gateway.errors import (
    BreakerOpen,
    CallTimeout,
    ChildError,
    ChildGone,
    GatewayError,
    NotFound,
    ProtocolError,
    RefusedByPolicy,
    RpcError,
    ServerBusy,
    ServerNotReady,
    ServerOverloaded,
    TooLarge,
    ToolQuarantined,
    UnknownTool,
    UsageError,
)
from gateway.model import CallOutcome

INVALID_PARAMS = -32602
CODES = frozenset(
    {"child_gone", "timeout", "breaker_open", "not_ready", "quarantined", "busy"}
    | {"rate_limited", "over_budget", "refused", "too_large"}
)
_COMING = frozenset({"starting", "stopping", "stopped"})
_ASKED_CHARS = 80


@dataclass(frozen=True, slots=True)
class RpcFailure:
    """A JSON-RPC error of ours."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended: the result's raw JSON, or the error, and what the ledger says of it."""

    result: bytes = b""
    error: RpcFailure | None = None
    outcome: CallOutcome = CallOutcome.OK
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an exception means: for the ledger, for programs (`code`), for the model (`text`)."""

    code: str
    outcome: CallOutcome
    text: str
    retry_after_s: float | None = None


def failed(exc: GatewayError, server: str) -> Answer:
    """The answer to a call (of a tool of `server`) that ended with an exception."""
    if isinstance(exc, UnknownTool):
        return Answer(error=unknown_tool(exc), outcome=CallOutcome.REFUSED, error_code=exc.code)
    verdict = judge(exc)
    fault: dict[str, Any] = {"code": verdict.code, "server": server}
    if verdict.retry_after_s is not None:
        fault["retry_after_s"] = round(max(0.0, verdict.retry_after_s), 3)
    if isinstance(exc, RpcError):
        fault["rpc_code"] = exc.rpc_code
    result = error_result(verdict.text, {"gateway/error": fault})
    return Answer(result, outcome=verdict.outcome, error_code=verdict.code)


def error_result(text: str, meta: dict[str, Any]) -> bytes:
    """A tools/call result that says what happened and what to do."""
    return msgspec.json.encode({"content": [{"type": "text", "text": text}], "isError": True, "_meta": meta})


def unknown_tool(exc: UnknownTool) -> RpcFailure:
    """The error for a name that nothing answers to, in words on which MassGen does not send again."""
    asked = exc.name[:_ASKED_CHARS]
    said = f"Unknown tool {asked!r}." if is_quiet(asked) else "Unknown tool."
    nearest = [name for name in exc.nearest if is_quiet(name)]
    advice = f" Did you mean {' or '.join(nearest)}?" if nearest else " Use a name from the tools list."
    return RpcFailure(INVALID_PARAMS, said + advice)


def judge(exc: GatewayError) -> Verdict:
    """Say what an exception means."""
    match exc:
        case ChildGone():
            return _gone(exc)
        case CallTimeout():
            text = (
                f"{exc.server} did not answer within {exc.allowed_s:g} s, and the call was cancelled. Ask for less at "
                "once, or use another tool."
            )
            return Verdict("timeout", CallOutcome.TIMEOUT, text)
        case ServerNotReady():
            return _not_ready(exc)
        case ServerBusy() | ServerOverloaded():
            return _busy(exc)
        case ToolQuarantined():
            text = f"{_sentence(exc.message)} Use another tool; the operator can look at the change and approve it."
            return Verdict("quarantined", CallOutcome.REFUSED, text)
        case TooLarge():
            text = f"{_sentence(exc.message)} Ask for less at once."
            return Verdict("too_large", CallOutcome.TOOL_ERROR, text)
        case RpcError():
            return Verdict("rpc_error", CallOutcome.TOOL_ERROR, exc.message or f"error {exc.rpc_code}")
        case _:
            return _by_kind(exc)


def _by_kind(exc: GatewayError) -> Verdict:
    text = _sentence(exc.message) + (f" {exc.fix}" if exc.fix else "")
    match exc:
        case BreakerOpen():
            return _held_back(exc)
        case ProtocolError():
            return Verdict("child_gone", CallOutcome.GONE, text + _OTHER)
        case ChildError():
            return Verdict("not_ready", CallOutcome.GONE, text + _OTHER)
        case RefusedByPolicy() | UsageError() | NotFound():
            return Verdict("refused", CallOutcome.REFUSED, text)
        case _ if exc.code in CODES:
            return Verdict(exc.code, CallOutcome.REFUSED, text, getattr(exc, "retry_after_s", None))
        case _:
            return Verdict("internal", CallOutcome.TOOL_ERROR, text + _OTHER)


_OTHER = " Use another tool meanwhile."
_RETURN = {
    None: "",
    True: " It is started again, unless it has failed too often.",
    False: " It is not started again by itself.",
}


def _gone(exc: ChildGone) -> Verdict:
    if exc.ran is False:
        text = f"{exc.server} did not carry out this call ({_bare(exc.reason)}): you may call again.{_OTHER}"
        return Verdict("not_ready", CallOutcome.GONE, text, 1.0)
    text = (
        f"{exc.server} ended while it worked on this call ({exc.reason}).{_RETURN[exc.comes_back]} Whether the call "
        "took effect is unknown: check before you repeat it."
    )
    return Verdict("child_gone", CallOutcome.GONE, text)


def _busy(exc: ServerBusy | ServerOverloaded) -> Verdict:
    if isinstance(exc, ServerOverloaded):
        text = f"{_sentence(exc.message)} It did not carry out this call. {exc.fix}"
        return Verdict(exc.code, CallOutcome.BUSY, text, exc.retry_after_s)
    at_once = "one call at a time" if exc.limit == 1 else f"{exc.limit} calls at a time"
    why = f", and {_bare(exc.reason)}" if exc.reason else ""
    wait = f"Wait {max(1.0, exc.retry_after_s):.0f} s and call again, or use another tool."
    text = f"{exc.server} is busy: it works on {at_once}{why}. This call was not sent, so nothing happened. {wait}"
    return Verdict("busy", CallOutcome.BUSY, text, exc.retry_after_s)


def _not_ready(exc: ServerNotReady) -> Verdict:
    when = "" if exc.retry_after_s is None else f" It is tried again in {max(0.0, exc.retry_after_s):.0f} s."
    is_for_good = exc.state == "failed" and exc.retry_after_s is None
    state = "given up for good" if is_for_good else _STATES.get(exc.state, exc.state)
    advice = " Use another tool; the operator can start it again." if is_for_good else _OTHER
    text = f"{exc.server} cannot be called now: it is {state} ({_bare(exc.reason)}).{when}{advice}"
    outcome = CallOutcome.REFUSED if exc.state in _COMING else CallOutcome.GONE
    return Verdict("not_ready", outcome, text, exc.retry_after_s)


def _held_back(exc: BreakerOpen) -> Verdict:
    what = exc.server if exc.tool is None else f"The tool {exc.tool} of {exc.server}"
    text = (
        f"{what} {_bare(exc.reason)}. Calls are held back for now; this one was not sent, so nothing happened. It is "
        f"tried again in {max(1.0, exc.retry_after_s):.0f} s.{_OTHER}"
    )
    return Verdict("breaker_open", CallOutcome.REFUSED, text, exc.retry_after_s)


_STATES = {"backoff": "waiting to be started again", "failed": "given up for now"}


def _bare(text: str) -> str:
    return text.strip().rstrip(".") or "no reason given"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
