"""Values that no setting can be."""

from __future__ import annotations

import pytest

from gateway.config.unfit import MOST_TOLD, is_dotted_without_end, unfit_values
from tests.config.problems import problems

LARGE = "0x" + "f" * 5000  # prints no more in decimal digits


def found(value: object) -> dict[str, str]:
    return {problem.path: problem.message for problem in unfit_values(value)}


def test_ordinary_values_are_fit() -> None:
    assert found({"a": [1, -(2**63) + 1, 2**63 - 1, True, 1.5, "x"], "b": {"c": {}}}) == {}


def test_each_unfit_value_is_named_by_its_path() -> None:
    told = found({"a": [1, 2**70], "b": {"c": "x\0y", "d\0": 1}})
    assert set(told) == {"a[1]", "b.c", "b"}
    assert "larger" in told["a[1]"]
    assert "NUL" in told["b.c"]


def test_a_million_of_them_are_not_all_told() -> None:
    assert len(unfit_values([2**70] * 1_000_000)) == MOST_TOLD


def test_what_is_nested_by_dots_is_too_deep_as_well() -> None:
    nested = "".join(f"[a{'.a' * depth}]\n" for depth in range(60)) + "a.a.a.a.a.a = 1\n"
    assert problems(nested) == {"a": "is nested too deeply"}


@pytest.mark.parametrize("dot", [".", " . ", "\t.", '."x".', ".'x'."])
@pytest.mark.parametrize("around", ["{} = 1", "[{}]", "[[{}]]", "[a]\nb = {{ {} = 1 }}"])
def test_a_key_of_half_a_million_parts_is_refused_before_it_fills_the_memory(dot: str, around: str) -> None:
    assert problems(around.format(dot.join("a" * (1_000_000 // (len(dot) + 1))))) == {"TOML": "is nested too deeply"}


@pytest.mark.parametrize(
    "text",
    ["# " + "." * 500, 'description = "' + "One. Two three. " * 200 + '"', 'd = "' + "x" * 500_000 + '"',
     "#" + "a." * 63,
     '"' * 100_000, "'\"" * 100_000, "a " * 100_000, "a-" * 300_000, '"a' * 100_000],
)  # fmt: skip
def test_other_dots_are_none_of_its_business_and_looking_takes_no_time(text: str) -> None:
    assert not is_dotted_without_end(text)


@pytest.mark.parametrize("key", ["port", "drain_s", "nonsense"])
@pytest.mark.parametrize("number", ["9" * 10_000, LARGE, "-" + "9" * 30, "1e999"])
def test_a_number_beyond_all_bounds_is_one_problem(key: str, number: str) -> None:
    assert len(problems(f"[gateway]\n{key} = {number}\n")) == 1


def test_a_name_with_a_nul_reaches_no_program() -> None:
    assert "server[0].command[0]" in problems('[[server]]\nname = "a"\ncommand = ["a\\u0000b"]\n')
