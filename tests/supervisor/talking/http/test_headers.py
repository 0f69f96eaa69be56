"""Headers of a request to a remote server."""

from __future__ import annotations

import base64

import pytest

from gateway.protocol.handshake import Agreed, Era
from gateway.supervisor.talking.http.headers import header_value, request_headers

MODERN = Agreed(Era.MODERN, "2026-07-28", {})
LEGACY = Agreed(Era.LEGACY, "2025-06-18", {})


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("tools/call", b'{"name":"t"}', "t"),
        ("prompts/get", b'{"name":"p"}', "p"),
        ("resources/read", b'{"uri":"file:///x"}', "file:///x"),
        ("tools/list", b"{}", None),
    ],
)
def test_a_modern_request_names_method_and_target(method: str, params: bytes, name: str | None) -> None:
    headers = request_headers(method, params, MODERN, "")
    assert (headers["mcp-method"], headers["mcp-protocol-version"], headers.get("mcp-name")) == (
        method,
        "2026-07-28",
        name,
    )


def test_a_legacy_request_names_revision_and_session_only() -> None:
    headers = request_headers("tools/call", b'{"name":"t"}', LEGACY, "abc")
    assert (headers["mcp-protocol-version"], headers["mcp-session-id"]) == ("2025-06-18", "abc")
    assert "mcp-method" not in headers


def test_before_the_agreement_only_the_probe_names_a_revision() -> None:
    assert request_headers("server/discover", b"{}", None, "")["mcp-protocol-version"] == "2026-07-28"
    assert "mcp-protocol-version" not in request_headers("initialize", b"{}", None, "")


@pytest.mark.parametrize("text", ["ünï", " lead", "trail ", "new\nline", "=?base64?x?=", ""])
def test_what_a_header_cannot_carry_is_wrapped(text: str) -> None:
    wrapped = header_value(text)
    assert base64.b64decode(wrapped.removeprefix("=?base64?").removesuffix("?=")).decode() == text
    assert header_value("plain name") == "plain name"
