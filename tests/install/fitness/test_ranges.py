"""Ranges of versions, as npm and as Python spell them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from gateway.install.fitness.ranges import satisfies

NODE = (20, 20, 2)


@pytest.mark.parametrize(
    "wanted",
    [
        ">=18", ">= 18.0.0", ">=18 <21", "^20", "^20.1.0", "^18 || ^20", "20", "20.x", "20.20.x", "~20.20.0",
        "~> 20.20", "*", "", "x", "v20.20.2", "=20.20.2", "18 - 20", "18.0.0 - 21.0.0",
        ">=20.0.0-rc.1", ">20.20.2-rc.1", "<=20", ">20.19", "<21.0.0", ">=18,<22",
    ],
)  # fmt: skip
def test_a_version_inside_an_npm_range_is_inside(wanted: str) -> None:
    assert satisfies(NODE, wanted) is True


@pytest.mark.parametrize(
    "wanted",
    [
        ">=22", "^18", "^18 || ^22", "~20.19", "20.19.x", "<20", "18 - 19", ">20", ">20.20", "=20.20.1", "20.20.3",
        "<=20.19", ">=18 <20", "<20.20.2-rc.1", "20.20.2-rc.1", ">*",
    ],
)  # fmt: skip
def test_a_version_outside_an_npm_range_is_outside(wanted: str) -> None:
    assert satisfies(NODE, wanted) is False


@pytest.mark.parametrize(
    ("version", "wanted", "inside"),
    [
        ((0, 2, 9), "^0.2.3", True),
        ((0, 3, 0), "^0.2.3", False),
        ((0, 0, 4), "^0.0.3", False),
        ((0, 0, 9), "^0.0", True),
        ((0, 9, 0), "^0", True),
    ],
)
def test_a_caret_holds_the_first_number_that_is_not_zero(
    version: tuple[int, int, int], wanted: str, inside: bool
) -> None:
    assert satisfies(version, wanted) is inside


@pytest.mark.parametrize("wanted", ["node18", ">=", "lts/*", "^18 || lts", ">=1.2.3.4", ">=" + "1" * 300, ">=18; rm"])
def test_what_is_no_range_is_left_open(wanted: str) -> None:
    assert satisfies(NODE, wanted) is None


@pytest.mark.parametrize(
    ("wanted", "inside"),
    [
        (">=3.10", True),
        (">=3.10,<4", True),
        (">= 3.8 <4.0", True),
        ("~=3.10", True),
        ("~=3.10.0", False),
        ("==3.11.*", True),
        ("==3.11", False),
        ("!=3.11.*", False),
        ("!=3.11.3", True),
        (">3.11", True),
        ("<=3.11", False),
        ("3.11", None),
        ("^3.10", None),
    ],
)
def test_a_python_range_is_read_as_pep_440_says(wanted: str, inside: bool | None) -> None:
    assert satisfies((3, 11, 7), wanted, python=True) is inside


_NUMBER = st.integers(0, 3)


@given(
    version=st.tuples(_NUMBER, _NUMBER, _NUMBER),
    op=st.sampled_from(["~=", "==", "!=", ">=", "<=", ">", "<"]),
    numbers=st.lists(_NUMBER, min_size=1, max_size=3),
    wild=st.booleans(),
)
def test_python_ranges_are_judged_as_the_packaging_library_judges_them(
    version: tuple[int, int, int], op: str, numbers: list[int], wild: bool
) -> None:
    text = op + ".".join(map(str, numbers))
    if wild and op in {"==", "!="} and len(numbers) < 3:
        text += ".*"
    if op == "~=" and len(numbers) == 1:
        return  # not a range in either
    assert satisfies(version, text, python=True) is SpecifierSet(text).contains(".".join(map(str, version)))
