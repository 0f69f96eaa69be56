"""Names that could be taken for those of far better known servers, and claims to another's work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.lookalike import Crowd, is_within_one, skeleton
from gateway.model import Source
from gateway.store.listings.values import Known
from tests.discovery.support import listing

ACME = Known("smithery", "acme/weather-http", 81_200, 1, "github.com/acme/weather", "acme weather")
SLACK = Known("smithery", "slackline", 50_000, 0, "github.com/slackhq/slack-mcp", "slackline")
PLAIN = Known("smithery", "acme/mcp-server", 90_000, 1, None, "acme")
CROWD = Crowd([ACME, SLACK, PLAIN])


@pytest.mark.parametrize(
    "name",
    [
        "acne/weather-http",  # one letter
        "acme1/weather-http",
        "amce/weather-http",  # swapped
        "acme-/weather_http",  # separators
        "acrne/weather-http",  # rn for m
        "acme-official/weather-http",  # borrows the owner
        "evil/weather-htp",  # the last part
        "evil/weather_http",
        "evil/vveather-http",
        "s1ackline",  # 1 for l
        "siackline",
        "slack-line",
        "someone/slakline",
    ],
)
def test_a_name_that_a_hurried_eye_confuses_is_suspected(name: str) -> None:
    warnings = CROWD.warnings(listing(name, use_count=3))
    assert warnings
    assert "far better known" in warnings[0]


@pytest.mark.parametrize(
    "name",
    [
        "acme/weather-http",
        "Acme/Weather-HTTP",
        "acme/weather-https",  # the same owner
        "someone/weather-http",  # the same word is no imitation of a name
        "someone/weather-httpss",
        "someone/chess",
        "someone/mcp_server",  # generic
        "a/b",
        "someone/slacklines",  # a plural
    ],
)
def test_other_names_are_left_in_peace(name: str) -> None:
    assert CROWD.warnings(listing(name, use_count=3)) == ()


def test_the_same_server_elsewhere_is_no_lookalike() -> None:
    assert CROWD.warnings(listing("io.github.acme/weather-http", Source.REGISTRY)) == ()
    other_name = listing("io.github.acme/weather-htp", Source.REGISTRY, repository="https://github.com/acme/weather")
    assert CROWD.warnings(other_name) == ()


def test_who_is_known_himself_is_not_suspected() -> None:
    assert CROWD.warnings(listing("acne/weather-http", use_count=10_000)) == ()


def test_nobody_gains_by_imitating_who_is_hardly_known() -> None:
    few = Crowd([Known("smithery", "acme/weather-http", 40, 0, None, "")])
    assert few.warnings(listing("acne/weather-http", use_count=1)) == ()


def test_what_ships_with_the_gateway_is_not_suspected() -> None:
    assert CROWD.warnings(listing("s1ackline", Source.STARTER)) == ()


@pytest.mark.parametrize(
    "name", ["аcme/weather-http", "someone/wеather-http", "ａcme/weather-http", "acmé/weather-http"]
)
def test_letters_of_other_scripts_are_seen_through(name: str) -> None:
    # The grammar of references refuses such names; a registry may list them all the same.
    assert CROWD.warnings(listing(name))


def test_a_title_in_letters_of_another_script_is_seen_through() -> None:
    warnings = CROWD.warnings(listing("someone/x", display_name="Slасkline"))
    assert "title" in warnings[0]
    assert CROWD.warnings(listing("someone/x", display_name="Погода сегодня")) == ()


def test_pointing_to_the_repository_of_somebody_else_is_said() -> None:
    (warning,) = CROWD.warnings(listing("evil/weather", repository="https://github.com/acme/weather"))
    assert "it points to acme" in warning
    assert "acme/weather-http" in warning
    said = listing("evil/weather-http", description="Official, see https://github.com/acme/weather-http")
    assert "it points to acme" in CROWD.warnings(said)[0]
    nameless = listing("evil/slackline", repository="https://github.com/slackhq/slack-mcp")
    assert "it points to slackhq" in CROWD.warnings(nameless)[0]


@pytest.mark.parametrize(
    ("name", "source", "repository"),
    [
        ("acme/weather", Source.SMITHERY, "https://github.com/acme/weather"),
        ("acmelabs/weather", Source.SMITHERY, "https://github.com/acme/weather"),
        ("com.acme/weather", Source.REGISTRY, "https://github.com/acme/weather"),
        ("someone/unheard-of", Source.SMITHERY, "https://github.com/somebody-else/unheard-of"),
    ],
)
def test_an_own_repository_or_one_of_nobody_known_is_fine(name: str, source: Source, repository: str) -> None:
    assert CROWD.warnings(listing(name, source, repository=repository)) == ()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("echo", "echo", True), ("echo", "ehco", True), ("echo", "ech", True), ("echo", "xecho", True),
     ("echo", "ecko", True), ("echo", "eckk", False), ("echo", "oche", False), ("", "a", True), ("ab", "abcd", False)],
)  # fmt: skip
def test_one_slip_of_the_finger_is_one(one: str, other: str, expected: bool) -> None:
    assert is_within_one(one, other) is expected
    assert is_within_one(other, one) is expected


def slow_distance(one: str, other: str) -> int:
    """Optimal string alignment, from the book."""
    rows = [[max(i, j) if 0 in {i, j} else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            cost = one[i - 1] != other[j - 1]
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@given(st.text(alphabet="abc", max_size=7), st.text(alphabet="abc", max_size=7))
def test_the_quick_answer_is_that_of_the_edit_distance(one: str, other: str) -> None:
    assert is_within_one(one, other) == (slow_distance(one, other) <= 1)


@given(st.text(max_size=30), st.text(max_size=60))
def test_any_text_can_be_looked_at(name: str, title: str) -> None:
    assert skeleton(name) == skeleton(name.casefold())
    assert isinstance(CROWD.warnings(listing(name, display_name=title, description=title)), tuple)
