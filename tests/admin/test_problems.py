"""Errors as JSON and back."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.admin.problems import ApiError, describe, http_status
from gateway.errors import (
    CallTimeout,
    ChildGone,
    ConfigError,
    DiscoveryError,
    GatewayError,
    InstallError,
    ListingInvalid,
    NotFound,
    NotRunning,
    Problem,
    RefusedByPolicy,
    RegistryUnauthorized,
    RegistryUnavailable,
    ServerBusy,
    ServerNotReady,
    UnknownTool,
    UsageError,
    Who,
)

CASES: list[tuple[GatewayError, int, dict[str, Any]]] = [
    (UsageError("u", fix="f"), 400, {}),
    (NotFound("n"), 404, {}),
    (RefusedByPolicy("r"), 403, {}),
    (NotRunning("n"), 503, {}),
    (UnknownTool("t", ["u"]), 404, {"nearest": ["u"]}),
    (ConfigError([Problem("a", "b")]), 422, {"problems": [{"path": "a", "message": "b"}]}),
    (InstallError("i", step="s", exit_code=1, tail=["l"]), 422, {"step": "s", "exit_code": 1, "tail": ["l"]}),
    (RegistryUnavailable("r", retry_after_s=3.0), 503, {"retry_after_s": 3.0, "who": "nobody"}),
    (RegistryUnauthorized("r"), 502, {"who": "person"}),
    (DiscoveryError("d", who=Who.OWNER, code="payment_required"), 502, {"who": "account_owner"}),
    (ListingInvalid("l"), 502, {"who": "publisher"}),
    (ServerNotReady("s", state="backoff", reason="r", retry_after_s=2.0), 409,
     {"server": "s", "state": "backoff", "retry_after_s": 2.0}),
    (ServerBusy("s", 4), 429, {}),
    (ChildGone("s", reason="r", stderr_tail=["l"]), 502, {"server": "s", "stderr_tail": ["l"]}),
    (CallTimeout("s", 5), 504, {}),
    (GatewayError("g", code="anything"), 500, {}),
]  # fmt: skip


@pytest.mark.parametrize(("error", "status", "details"), CASES, ids=lambda value: getattr(value, "code", ""))
def test_an_error_has_its_status_and_its_details(error: GatewayError, status: int, details: dict[str, Any]) -> None:
    body = describe(error)["error"]

    assert http_status(error) == status
    assert (body["code"], body["message"], body["fix"]) == (error.code, error.message, error.fix)
    assert body.get("details", {}) == details


@pytest.mark.parametrize(("error", "_status", "_details"), CASES, ids=lambda value: getattr(value, "code", ""))
def test_an_error_comes_back_from_json_as_it_went(error: GatewayError, _status: int, _details: Any) -> None:
    back = ApiError(describe(error)["error"])

    assert (back.code, back.exit_status) == (error.code, error.exit_status)
    assert describe(back) == describe(error)


def test_a_half_error_of_a_stranger_is_still_an_error() -> None:
    back = ApiError({"message": None, "details": "x"})

    assert (back.code, back.message, back.exit_status, back.details) == ("internal", "unknown error", 1, {})


class OwnKindError(UsageError):
    """What a room of its own would raise."""

    code = "own"
    missing = ("region",)


def test_a_rooms_own_kind_of_error_keeps_its_exit_status_and_names_what_is_missing() -> None:
    body = describe(OwnKindError("give a region", fix="--set region=…"))["error"]
    back = ApiError(body)

    assert http_status(OwnKindError("x")) == 400
    assert (back.code, back.exit_status, back.details) == ("own", 2, {"missing": ["region"]})
