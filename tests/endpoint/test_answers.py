"""The table of errors, row by row."""

from __future__ import annotations

import json

import pytest

from gateway.endpoint.answers import CODES, failed, judge, unknown_tool
from gateway.endpoint.routing import RESEND_WORDS, is_quiet
from gateway.errors import (
    BreakerOpen,
    CallTimeout,
    ChildGone,
    GatewayError,
    HandshakeFailed,
    NotFound,
    RefusedByPolicy,
    RemoteProtocolError,
    RouteError,
    RpcError,
    ServerBusy,
    ServerNotReady,
    ServerOverloaded,
    SpawnFailed,
    TooLarge,
    ToolQuarantined,
    UnknownTool,
    UsageError,
)
from gateway.model import CallOutcome

WHY = "failed 5 times in a row, the last time: no answer within 120 s"
ROWS = [
    (ChildGone("s", reason="killed by SIGKILL", comes_back=True), "child_gone", CallOutcome.GONE, "SIGKILL"),
    (ChildGone("s", reason="HTTP 401", ran=False), "not_ready", CallOutcome.GONE, "did not carry out this call"),
    (ServerOverloaded("s", status=429, retry_after_s=7), "rate_limited", CallOutcome.BUSY, "Call again in 7 s"),
    (ServerOverloaded("s", status=503, retry_after_s=7), "busy", CallOutcome.BUSY, "no room now (HTTP 503)"),
    (CallTimeout("s", 120), "timeout", CallOutcome.TIMEOUT, "120 s"),
    (ServerNotReady("s", state="backoff", reason="exit 1", retry_after_s=4), "not_ready", CallOutcome.GONE, "in 4 s"),
    (
        ServerNotReady("s", state="failed", reason="x", retry_after_s=600),
        "not_ready",
        CallOutcome.GONE,
        "up for now (x)",
    ),
    (ServerNotReady("s", state="failed", reason="gave up"), "not_ready", CallOutcome.GONE, "given up for good"),
    (ServerNotReady("s", state="stopping", reason="x", retry_after_s=3), "not_ready", CallOutcome.REFUSED, "in 3 s"),
    (CallTimeout("s", 4.004, allowed_s=4.0), "timeout", CallOutcome.TIMEOUT, "within 4 s"),
    (ServerNotReady("s", state="starting", reason="first start"), "not_ready", CallOutcome.REFUSED, "starting"),
    (SpawnFailed("s", "no such program"), "not_ready", CallOutcome.GONE, "no such program"),
    (HandshakeFailed("s", "it does not speak MCP"), "not_ready", CallOutcome.GONE, "speak MCP"),
    (ToolQuarantined("s", "t"), "quarantined", CallOutcome.REFUSED, "approve"),
    (ServerBusy("s", 64), "busy", CallOutcome.BUSY, "64 calls at a time. This call was not sent"),
    (ServerBusy("s", 1, reason="9 more wait"), "busy", CallOutcome.BUSY, "one call at a time, and 9 more wait"),
    (ServerBusy("s", 64, retry_after_s=7.4), "busy", CallOutcome.BUSY, "Wait 7 s and call again"),
    (BreakerOpen("s", tool="t", reason=WHY, retry_after_s=28.4), "breaker_open", CallOutcome.REFUSED, "again in 28 s"),
    (BreakerOpen("s", tool="t", reason=WHY, retry_after_s=0), "breaker_open", CallOutcome.REFUSED, "tool t of s fai"),
    (BreakerOpen("s", tool=None, reason=WHY, retry_after_s=0), "breaker_open", CallOutcome.REFUSED, "s failed 5 times"),
    (RouteError("too many calls", code="rate_limited", fix="Wait."), "rate_limited", CallOutcome.REFUSED, "Wait."),
    (RouteError("no budget left", code="over_budget"), "over_budget", CallOutcome.REFUSED, "budget"),
    (RouteError("s fails too often", code="breaker_open"), "breaker_open", CallOutcome.REFUSED, "too often"),
    (RefusedByPolicy("not allowed", fix="Ask the operator."), "refused", CallOutcome.REFUSED, "Ask the operator."),
    (UsageError("no score"), "refused", CallOutcome.REFUSED, "no score"),
    (NotFound("no such call"), "refused", CallOutcome.REFUSED, "no such call"),
    (TooLarge("s", 11, 10), "too_large", CallOutcome.TOOL_ERROR, "Ask for less"),
    (RemoteProtocolError("s broke the protocol"), "child_gone", CallOutcome.GONE, "protocol"),
    (GatewayError("a bug"), "internal", CallOutcome.TOOL_ERROR, "a bug"),
    (RpcError(-32602, "city is required"), "rpc_error", CallOutcome.TOOL_ERROR, "city is required"),
]


@pytest.mark.parametrize(("exc", "code", "outcome", "said"), ROWS, ids=[f"{row[1]}-{row[3]}" for row in ROWS])
def test_what_lies_behind_the_gateway_is_a_result_that_is_an_error(
    exc: GatewayError, code: str, outcome: CallOutcome, said: str
) -> None:
    answer = failed(exc, "s")
    result = json.loads(answer.result)
    assert answer.error is None
    assert result["isError"] is True
    assert said in result["content"][0]["text"]
    assert result["_meta"]["gateway/error"]["code"] == code == answer.error_code
    assert result["_meta"]["gateway/error"]["server"] == "s"
    assert answer.outcome == outcome


def test_every_code_of_the_contract_has_a_row() -> None:
    assert {row[1] for row in ROWS} >= CODES


def test_the_time_of_the_next_try_is_told_to_programs() -> None:
    answer = failed(ServerNotReady("s", state="backoff", reason="x", retry_after_s=4.5), "s")
    assert json.loads(answer.result)["_meta"]["gateway/error"]["retry_after_s"] == 4.5


@pytest.mark.parametrize("tool", ["t", None])
def test_a_breaker_tells_programs_when_to_come_again(tool: str | None) -> None:
    answer = failed(BreakerOpen("s", tool=tool, reason=WHY, retry_after_s=28.4), "s")
    assert json.loads(answer.result)["_meta"]["gateway/error"]["retry_after_s"] == 28.4


def test_a_childs_own_error_code_is_kept_for_programs() -> None:
    answer = failed(RpcError(-32099, "odd"), "s")
    assert json.loads(answer.result)["_meta"]["gateway/error"]["rpc_code"] == -32099


def test_an_unknown_tool_is_a_json_rpc_error_that_names_the_nearest() -> None:
    error = failed(UnknownTool("git__statis", ["git__status"]), "s").error
    assert error is not None
    assert error.code == -32602
    assert "git__statis" in error.message
    assert "git__status" in error.message


@pytest.mark.parametrize("word", RESEND_WORDS)
def test_an_unknown_tools_error_never_says_a_word_on_which_massgen_sends_again(word: str) -> None:
    message = unknown_tool(UnknownTool(f"x_{word}", [f"y_{word}", "fine"])).message
    assert is_quiet(message)
    assert "fine" in message


@pytest.mark.parametrize(
    ("comes_back", "said", "unsaid"),
    [(True, "is started again", "not started"), (False, "is not started again", "unless"), (None, "check", "started")],
)
def test_a_cut_off_call_says_whether_its_server_comes_back_only_where_that_is_known(
    comes_back: bool | None, said: str, unsaid: str
) -> None:
    text = judge(ChildGone("s", reason="the gateway is stopping", comes_back=comes_back)).text
    assert said in text
    assert unsaid not in text
    assert "check before you repeat it" in text
