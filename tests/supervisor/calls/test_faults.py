"""What an exception says of a server."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import (
    AnswerTooLarge,
    CallTimeout,
    ChildGone,
    LocalProtocolError,
    RemoteProtocolError,
    RpcError,
    ServerBusy,
    ServerNotReady,
    ServerOverloaded,
)
from gateway.supervisor.calls.faults import ANSWERED, Fault, fault_of

FAILURES = [
    (CallTimeout("s", 120.0), Fault("no answer within 120 s")),
    (ChildGone("s", reason="killed by SIGKILL"), Fault("killed by SIGKILL", is_end=True)),
    (RemoteProtocolError("s sent rubbish"), Fault("s sent rubbish", is_silence=False)),
    (
        RpcError(-32603, "secret details"),
        Fault("it answered with an internal error (-32603)", is_silence=False, is_complaint=True),
    ),
]
ANSWERS = [RpcError(-32602, "city is required"), RpcError(-32601, "no such method"), AnswerTooLarge("s", 10)]
NOTHING = [
    ServerBusy("s", 64), ServerNotReady("s", state="failed", reason="r"), asyncio.CancelledError(), ZeroDivisionError(),
    LocalProtocolError("params are no object"),
]  # fmt: skip


@pytest.mark.parametrize(("exc", "fault"), FAILURES)
def test_silence_filth_and_internal_errors_are_failures(exc: BaseException, fault: Fault) -> None:
    assert fault_of(exc) == fault
    assert fault.reason


@pytest.mark.parametrize("exc", ANSWERS)
def test_what_the_caller_did_wrong_is_an_answer_like_any_other(exc: BaseException) -> None:
    assert fault_of(exc) is ANSWERED


@pytest.mark.parametrize("exc", NOTHING, ids=lambda exc: type(exc).__name__)
def test_what_was_not_sent_or_was_cancelled_says_nothing(exc: BaseException) -> None:
    assert fault_of(exc) is None


def test_a_server_without_room_answered_and_yet_that_is_about_all_of_it() -> None:
    fault = fault_of(ServerOverloaded("s", status=429, retry_after_s=1.0))
    assert fault == Fault("it takes no calls now (HTTP 429)", is_silence=False, is_refusal=True)
