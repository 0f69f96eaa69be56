"""What HTTP statuses mean, and which of them say for sure that nothing was run."""

from __future__ import annotations

import json

import pytest

from gateway.errors import ServerOverloaded
from gateway.supervisor.talking.http.refusals import (
    AccessRefused,
    HttpRefused,
    Meaning,
    PersonNeeded,
    SessionLost,
    meaning,
    retry_after_s,
)


def means(status: int, body: bytes = b"", *, session: bool = True, answer: bool = False, **headers: str) -> object:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    found: Meaning | None = meaning("s", status, named, body, in_session=session, is_answer=answer)
    return type(found) if found is not None else None


def error(message: str, code: int = -32000) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>not here</html>",
        error("Session not found", -32001),
        b'{"error":"not_found","message":"no"}',
    ],
)
def test_404_to_a_session_means_that_it_is_forgotten(body: bytes) -> None:
    assert means(404, body) is SessionLost
    assert means(404, body, session=False) is None


@pytest.mark.parametrize(
    "words",
    [
        "Bad Request: No valid session ID provided",
        "Bad Request: Server not initialized",
        "Bad Request: Mcp-Session-Id header is required",
        "Bad Request: Missing session ID",
        "Not Found: Invalid or expired session ID",
        "Session has been terminated",
        "Invalid session ID",
        "invalid MCP session",
        "session 'x' does not exist",
        "unknown session",
    ],
)
def test_400_with_the_words_of_a_real_server_means_that_a_session_is_forgotten(words: str) -> None:
    assert means(400, error(words)) is SessionLost
    assert means(400, words.encode()) is SessionLost
    assert means(400, error(words), session=False) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        error("Parse error"),
        error("Unsupported protocol version"),
        b"<html>your session expired, sign in again</html>",
        error("the door is obsession not found"),
        b"\xff\xfe",
        b"[1]",
        b'{"error":7}',
    ],
)
def test_400_for_any_other_reason_is_not_taken_for_it(body: bytes) -> None:
    assert means(400, body) is None


def test_an_answer_to_the_message_itself_is_an_answer_whatever_its_status() -> None:
    assert means(404, error("no method x/y", -32601), answer=True) is None
    assert means(400, error("session not found in the cinema"), answer=True) is None
    assert means(404, error("Session not found", -32001), answer=True) is SessionLost


def test_401_is_about_our_credentials_unless_somebody_has_to_sign_in() -> None:
    assert means(401) is AccessRefused
    assert means(401, error("Authorization required", -32001)) is PersonNeeded
    assert means(409, error("Input required", -32002)) is PersonNeeded
    assert means(403) is None


@pytest.mark.parametrize(
    ("status", "after", "expected"),
    [(429, "", 1.0), (429, "3", 3.0), (503, "3", 3.0), (503, "86400", 300.0), (503, "", None), (500, "3", None)],
)
def test_a_server_without_room_says_so_at_429_and_with_a_time_at_503(
    status: int, after: str, expected: float | None
) -> None:
    headers = {"retry-after": after} if after else {}
    found = meaning("s", status, headers, b"", in_session=False, is_answer=False)
    waits = found.retry_after_s if isinstance(found, ServerOverloaded) else None
    assert waits == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": " 12 "}, 12.0),
        ({"retry-after": "9" * 400}, 300.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "\u0663"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:29:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_seconds_or_as_a_date_beside_the_servers_own(
    headers: dict[str, str], expected: float | None
) -> None:
    assert retry_after_s(headers) == expected


def test_a_redirect_is_named_with_what_to_do() -> None:
    assert HttpRefused("s", 307).reason == "it answered with HTTP 307 (a redirect: correct its URL)"
    assert HttpRefused("s", 500).reason == "it answered with HTTP 500"
    assert HttpRefused("s", 500).ran is None
    assert PersonNeeded("s", 401, "it wants somebody to sign in").ran is False
