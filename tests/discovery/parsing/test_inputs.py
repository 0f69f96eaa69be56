"""What environment variables, headers and arguments want."""

from __future__ import annotations

from gateway.discovery.parsing.fields import Fields
from gateway.discovery.parsing.inputs import parse_arguments, parse_input, parse_inputs, parse_variables
from gateway.listing import InputSpec


def test_an_input_is_read_in_full() -> None:
    wire = {
        "description": "d", "isRequired": True, "isSecret": True, "default": 5, "value": False, "placeholder": "p",
        "choices": ["a", 1], "format": "number", "isRepeated": True,
    }  # fmt: skip
    assert parse_input(Fields(wire), "X") == InputSpec(
        "X",
        "d",
        True,
        True,
        default="5",
        value="false",
        placeholder="p",
        choices=("a", "1"),
        format="number",
        repeated=True,
    )


def test_an_unknown_format_is_a_string() -> None:
    assert parse_input(Fields({"format": "colour"}), "X").format == "string"


def test_inputs_without_a_name_are_left_out() -> None:
    assert parse_inputs([Fields({"name": "A"}), Fields({}), Fields({"name": 5})]) == (InputSpec("A"),)


def test_a_positional_argument_with_only_a_value_is_called_so() -> None:
    assert parse_arguments([Fields({"type": "positional", "value": "go"})]) == (
        InputSpec("value", value="go", kind="positional"),
    )


def test_variables_have_no_variables_of_their_own() -> None:
    wire = {"variables": {"a": {"isSecret": True, "variables": {"b": {}}}, "c": 5}}
    assert parse_variables(Fields(wire)) == (InputSpec("a", secret=True),)


def test_a_positional_argument_without_a_hint_is_called_by_its_place() -> None:
    rows = [Fields({"type": "positional", "valueHint": "a"}), Fields({"type": "positional", "default": "/tmp"}),
            Fields({"type": "positional"}), Fields({"type": "positional", "isRequired": True})]  # fmt: skip
    assert parse_arguments(rows) == (
        InputSpec("a", kind="positional"),
        InputSpec("argument-2", default="/tmp", kind="positional"),
        InputSpec("argument-4", required=True, kind="positional"),
    )
