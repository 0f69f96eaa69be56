"""Names before they reach a URL or a path."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.names import path_segment, registry_name, smithery_name
from gateway.errors import UsageError

BAD_ANYWHERE = [
    "", "..", "a/..", "../a", "a/../b", "a..b/c", "a/b/c", "a//b", "/a", "a/", "a b", "a\nb", "a\x00b", "a\u202eb",
    "a%2Fb", "a?b", "a#b", "a\\b", "-rf/x", ".hidden/x", "x/-y", "a" * 201, "é/x", "a/b\n", "http://a/b",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_ANYWHERE)
@pytest.mark.parametrize("check", [smithery_name, registry_name])
def test_a_name_that_could_leave_its_place_is_refused(check: Callable[[str], str], name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(name)
    assert caught.value.fix
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("acme/echo", "acme/echo"),
        ("@acme/echo", "acme/echo"),
        ("solo", "solo"),
        ("a_b/c.d-e", "a_b/c.d-e"),
        ("_x", "_x"),
    ],
)
def test_smithery_names_lose_only_the_old_at_sign(asked: str, name: str) -> None:
    assert smithery_name(asked) == name


@pytest.mark.parametrize("name", ["solo", "@acme/echo", "a", "under_score.io/x"])
def test_the_official_registry_wants_two_parts_and_no_at_sign(name: str) -> None:
    with pytest.raises(UsageError):
        registry_name(name)


def test_a_name_of_the_official_registry_passes() -> None:
    assert registry_name("io.github.acme/weather_v2.x") == "io.github.acme/weather_v2.x"


def test_the_slash_of_a_name_becomes_one_segment() -> None:
    assert path_segment("acme/echo") == "acme%2Fecho"


@given(st.text(max_size=250))
def test_whatever_passes_is_one_harmless_segment(name: str) -> None:
    try:
        segment = path_segment(smithery_name(name))
    except UsageError:
        return
    assert segment.isascii()
    assert ".." not in segment
    assert "/" not in segment
