"""A listing's tools: number, size, and who objects."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from gateway.install.fitness.tools import tool_checks
from gateway.install.fitness.verdict import State
from gateway.listing import ListedTool

FINE = {"type": "object", "properties": {"a": {"type": "string"}}}


def tools(number: int, schema: dict[str, Any] | None = None) -> list[ListedTool]:
    return [ListedTool(f"tool{n}", "Does it", FINE if schema is None else schema) for n in range(number)]


def test_tools_that_nobody_lists_are_unknown() -> None:
    assert [check.state for check in tool_checks(None, "x")] == [State.UNKNOWN]


def test_a_few_plain_tools_are_fine_and_their_size_is_told() -> None:
    (check,) = tool_checks(tools(3), "x")
    assert (check.state, check.message.startswith("3 tools, 0.2 KiB")) == (State.OK, True)


@pytest.mark.parametrize(
    ("number", "says"), [(65, "65 tools"), (129, "too many for one request (OpenAI takes 128, xAI takes 128)")]
)
def test_many_tools_are_a_warning_with_the_number_and_the_limit(number: int, says: str) -> None:
    check = tool_checks(tools(number), "x")[0]
    assert (check.state, says in check.message, bool(check.fix)) == (State.WARNING, True, True)


def test_the_providers_that_would_refuse_are_named_with_the_tools_and_why() -> None:
    awkward = [replace(tool, name=f"other{n}") for n, tool in enumerate(tools(5, {**FINE, "anyOf": [{}]}))]
    checks = tool_checks([*tools(2), *awkward], "x")
    by_provider = {check.message.split()[0]: check for check in checks[1:]}
    assert by_provider.keys() == {"OpenAI", "Anthropic"}
    assert "5 of 7 tools" in by_provider["OpenAI"].message
    assert "anyOf at the top level" in by_provider["Anthropic"].message
    assert "and 2 more" in by_provider["Anthropic"].message


def test_a_name_that_begins_with_a_digit_troubles_gemini_only() -> None:
    checks = tool_checks(tools(1), "1password")
    assert [check.message.split()[0] for check in checks[1:]] == ["Gemini"]


def test_a_tool_whose_input_is_no_object_is_not_offered_and_that_is_said() -> None:
    messages = [check.message for check in tool_checks(tools(1, {"type": "string"}), "x")]
    assert any("it is not offered" in message for message in messages)


def test_one_name_for_several_tools_is_told() -> None:
    assert "several of its tools have one name: tool0" in tool_checks([*tools(1), *tools(1)], "x")[1].message
