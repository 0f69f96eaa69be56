"""Values given on the command line."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gateway.cli.given import read_object, read_secret, read_settings, variable_of
from gateway.errors import UsageError


def test_a_setting_is_text_or_json() -> None:
    settings = read_settings(["a=1", "b:=1", "c=x=y", 'd:={"e": []}', "f="])

    assert settings == {"a": "1", "b": 1, "c": "x=y", "d": {"e": []}, "f": ""}


@pytest.mark.parametrize("given", [["novalue"], ["=x"], ["k:={"], ["k=1", "k=2"]])
def test_a_malformed_setting_says_how_to_write_it(given: list[str]) -> None:
    with pytest.raises(UsageError) as raised:
        read_settings(given)

    assert raised.value.fix


def test_a_secret_comes_from_its_variable_a_file_or_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text("from file\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("from stdin\r\n"))

    assert read_secret("x-key", {"MCP_GATEWAY_SECRET_x_key": "from env"}) == ("x-key", "from env")
    assert read_secret(f"K=@{file}", {}) == ("K", "from file")
    assert read_secret("K=-", {}) == ("K", "from stdin")


@pytest.mark.parametrize("spec", ["K", "K=bare-value", "K=@/nowhere", "=x", ""])
def test_a_secret_that_cannot_be_read_says_what_to_do_and_nothing_of_the_value(spec: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_secret(spec, {})

    assert raised.value.fix
    assert "bare-value" not in raised.value.message + raised.value.fix


def test_a_variable_holds_only_what_shells_allow() -> None:
    assert variable_of("a.b-c") == "MCP_GATEWAY_SECRET_a_b_c"


def test_an_object_comes_from_the_line_a_file_or_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "arguments.json"
    file.write_text('{"a": 2}')
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": 3}'))

    assert [read_object(text)["a"] for text in ('{"a": 1}', f"@{file}", "-")] == [1, 2, 3]


@pytest.mark.parametrize("text", ["", "{", "[1]", "@/nowhere", "[" * 100_000])
def test_what_is_no_object_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_object(text)

    assert raised.value.fix


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": -Infinity}', '{"a": "\\ud800"}', "[1]", "{"])
def test_what_is_no_json_object_is_refused_before_a_tool_is_blamed_for_it(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_object(text)

    assert raised.value.fix
