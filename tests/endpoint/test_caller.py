"""Who is calling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.endpoint.caller import TASK_CHARS, carries_token, read_caller
from gateway.errors import UsageError
from gateway.model import Caller


def read(query: str = "", **headers: str) -> Caller:
    given_headers = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
    return read_caller(given_headers, query.encode(), principal="p", profile="", wall=1795392000.0)


def test_headers_say_who_calls() -> None:
    caller = read(x_mcp_agent="agent_a", x_mcp_run="r1", x_mcp_task="find a hotel")
    assert (caller.agent, caller.run, caller.task) == ("agent_a", "r1", "find a hotel")


def test_the_query_says_it_too_and_the_header_wins() -> None:
    caller = read("agent=q&run=q&task=q%20q", x_mcp_agent="h")
    assert (caller.agent, caller.run, caller.task) == ("h", "q", "q q")


def test_both_are_percent_decoded_as_utf8() -> None:
    assert read(x_mcp_task="caf%C3%A9").task == "café"
    assert read("task=caf%C3%A9").task == "café"


def test_a_header_in_plain_utf8_is_understood() -> None:
    assert read(x_mcp_task="café").task == "café"


def test_a_plus_in_a_header_is_a_plus() -> None:
    assert read(x_mcp_task="1+1").task == "1+1"
    assert read("task=1+1").task == "1 1"


def test_without_a_run_it_is_the_days() -> None:
    assert read().run == "default-2026-11-23"


def test_a_long_task_is_cut() -> None:
    assert len(read(x_mcp_task="x" * 3000).task) == TASK_CHARS


@pytest.mark.parametrize("header", ["x_mcp_agent", "x_mcp_run"])
def test_a_long_name_is_refused(header: str) -> None:
    with pytest.raises(UsageError, match="longer"):
        read(**{header: "x" * 201})


@pytest.mark.parametrize(("query", "headers", "wanted"), [
    ("text=1", {}, True), ("", {"x_mcp_text": "1"}, True), ("text=0", {}, False), ("", {}, False),
    ("text=1", {"x_mcp_text": "0"}, False),
])  # fmt: skip
def test_a_caller_may_wish_for_text(query: str, headers: dict[str, str], wanted: bool) -> None:
    assert read(query, **headers).result_text is wanted


@pytest.mark.parametrize("query", ["token=x", "a=1&access_token=x", "API_KEY=x", "authorization=Bearer%20x"])
def test_a_token_in_the_url_is_noticed(query: str) -> None:
    assert carries_token(query.encode())


def test_ordinary_queries_carry_no_token() -> None:
    assert not carries_token(b"agent=a&task=token%20ring&text=1")


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_no_bytes_are_too_odd(query: bytes, header: bytes) -> None:
    caller = read_caller([(b"x-mcp-agent", header)], query, principal="p", profile="", wall=0.0)
    assert all(char.isprintable() for char in caller.agent)
