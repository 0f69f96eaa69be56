"""What the relay reads from messages and writes into headers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.inbound import decode_header_value

from gateway.cli.relay import wire

VERSION = {wire.VERSION_KEY: "2026-07-28"}


def message(**value: Any) -> wire.Message:
    return wire.read_message(json.dumps({"jsonrpc": "2.0", **value}).encode())


@pytest.mark.parametrize(
    ("value", "is_request", "is_modern"),
    [
        ({"id": 1, "method": "ping"}, True, False),
        ({"id": 0, "method": "ping"}, True, False),
        ({"method": "notifications/initialized"}, False, False),
        ({"id": 1, "result": {}}, False, False),
        ({"id": "a", "method": "tools/list", "params": {"_meta": VERSION}}, True, True),
        ({"id": 1, "method": "x", "params": [1]}, True, False),
        ({"id": 1, "method": "x", "params": {"_meta": 5}}, True, False),
    ],
)
def test_a_line_is_a_request_or_not_and_of_one_era(value: dict[str, Any], is_request: bool, is_modern: bool) -> None:
    read = message(**value)

    assert (read.is_request, read.is_modern) == (is_request, is_modern)


@given(st.text())
def test_a_headers_text_comes_out_as_it_went_in(value: str) -> None:
    spelled = wire.header_text(value)

    assert spelled.isascii()
    assert decode_header_value(spelled) == value


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("tools/call", {"name": "echo"}, {"Mcp-Name": "echo"}),
        ("prompts/get", {"name": "p"}, {"Mcp-Name": "p"}),
        ("resources/read", {"uri": "file:///ü"}, {"Mcp-Name": "=?base64?ZmlsZTovLy/DvA==?="}),
        ("tools/list", {}, {}),
        ("tools/call", {"name": 5}, {}),
    ],
)
def test_a_modern_message_names_method_and_target_in_its_headers(
    method: str, params: dict[str, Any], expected: dict[str, str]
) -> None:
    read = message(id=1, method=method, params={**params, "_meta": VERSION})

    assert wire.modern_headers(read, {}) == {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method, **expected}


def test_arguments_that_a_schema_wants_mirrored_go_into_headers() -> None:
    schema = {
        "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "inner": {"properties": {"flag": {"type": "boolean", "x-mcp-header": "Flag"}}},
            "bad": {"type": "string", "x-mcp-header": "not a token"},
            "missing": {"type": "string", "x-mcp-header": "Missing"},
        }
    }
    declared = wire.mirrored_arguments({"result": {"tools": [{"name": "t", "inputSchema": schema}, "junk", {}]}})
    arguments = {"region": "eu", "inner": {"flag": True}, "bad": "x", "missing": None}
    read = message(id=1, method="tools/call", params={"name": "t", "arguments": arguments, "_meta": VERSION})

    headers = wire.modern_headers(read, declared)

    assert {name: value for name, value in headers.items() if name.startswith("Mcp-Param")} == {
        "Mcp-Param-Region": "eu",
        "Mcp-Param-Flag": "true",
    }


def test_callers_are_percent_encoded_and_their_task_is_bounded() -> None:
    environ = {"MCP_GATEWAY_AGENT": "a/ü", "MCP_GATEWAY_RUN": "", "MCP_GATEWAY_TASK": "x" * 2000}

    headers = wire.caller_headers(environ)

    assert (headers["X-MCP-Agent"], len(headers["X-MCP-Task"]), "X-MCP-Run" in headers) == ("a%2F%C3%BC", 1000, False)


@pytest.mark.parametrize(
    ("profile", "path"), [("", "/mcp"), ("small", "/mcp/p/small"), ("a/../b", "/mcp/p/a%2F..%2Fb")]
)
def test_a_profile_cannot_leave_its_place_in_the_path(profile: str, path: str) -> None:
    assert wire.endpoint_path({"MCP_GATEWAY_PROFILE": profile}) == path


def test_a_pretty_printed_answer_becomes_one_line_and_stays_the_same() -> None:
    value = {"text": "a\nb\r\nc", "n": [1, 2]}

    line = wire.one_line(json.dumps(value, indent=2).replace("\n", "\r\n").encode())

    assert b"\n" not in line
    assert json.loads(line) == value


@pytest.mark.parametrize(
    ("line", "is_end"),
    [
        (b'{"id":1,"result":{}}', True),
        (b'{"id":1,"error":{}}', True),
        (b'{"id":"1","result":{}}', False),
        (b'{"id":1,"method":"x","params":{"result":1}}', False),
        (b'{"method":"notifications/progress"}', False),
        (b'"result"', False),
    ],
)
def test_only_the_answer_to_a_request_ends_it(line: bytes, is_end: bool) -> None:
    assert wire.ends(line, 1) is is_end


@given(st.binary())
def test_any_line_is_a_message_or_a_message_error(line: bytes) -> None:
    try:
        is_same = wire.read_message(line).body == line.strip()
    except wire.MessageError:
        is_same = True

    assert is_same


def test_a_refusal_of_the_gateways_own_api_is_told_in_its_words() -> None:
    body = b'{"error": {"code": "not_found", "message": "there is no such profile here", "fix": "Use /mcp."}}'
    assert wire.refusal(body) == "there is no such profile here. Use /mcp."
    assert wire.refusal(b"<html>") == wire.refusal(b"[]") == wire.refusal(b"{}") == ""


@pytest.mark.parametrize(
    ("status", "body", "is_it"),
    [
        (503, b'{"error": {"code": "stopping"}}', True),
        (503, b'{"error": {"code": "starting"}}', True),
        (503, b'{"error": {"code": "internal"}}', False),
        (500, b'{"error": {"code": "stopping"}}', False),
        (503, b"<html>a proxy's own</html>", False),
        (503, b'{"error": "stopping"}', False),
    ],
)
def test_only_the_gateway_s_own_word_says_that_nothing_was_done(status: int, body: bytes, is_it: bool) -> None:
    assert wire.is_turned_away(status, body) is is_it
