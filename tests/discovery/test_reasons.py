"""Points and the reasons for them, one by one."""

from __future__ import annotations

import pytest

from gateway.discovery import reasons
from gateway.listing import ListedTool
from gateway.store.listings.values import Track
from gateway.store.listings.wording import asked_terms
from tests.discovery.support import listing

NOW = 1_800_000_000.0  # 2027-01-15


def points_of_words(query: str, **more: object) -> tuple[float, str]:
    """What the words of a question give a listing."""
    return reasons.by_words(asked_terms(query), listing("acme/weather", **more))


def test_the_good_parts_add_up_to_one() -> None:
    parts = (reasons.WORDS, reasons.PLACE, reasons.VERIFIED, reasons.USES, reasons.EXPERIENCE, reasons.AGE)
    assert sum(parts) == pytest.approx(1.0)


@pytest.mark.parametrize("query", ["acme/weather", "@Acme/Weather", "io.github.acme/weather"])
def test_a_name_is_recognised_in_any_spelling(query: str) -> None:
    assert reasons.by_name(query, listing("acme/weather")) == (reasons.EXACT, "exactly the name asked for")


def test_words_are_found_with_other_endings_in_tools_and_in_dense_scripts() -> None:
    assert points_of_words("weathers")[1] == "matches weathers"
    assert points_of_words("forecast", tools=(ListedTool("get_forecasts"),))[1] == "matches forecast"
    assert points_of_words("预报", description="天气预报服务")[1] == "matches 预报"
    assert points_of_words("预", description="天气预报服务")[1] == "matches 预"
    assert points_of_words("chess") == (0.0, "")


def test_a_word_in_the_name_gives_more_than_one_in_the_text() -> None:
    in_text = points_of_words("rain", description="rain")[0]
    assert points_of_words("weather")[0] > in_text > 0


def test_the_order_of_the_store_gives_points_but_is_no_reason() -> None:
    assert reasons.by_place(0, "smithery") == (reasons.PLACE, "place 1 in smithery")
    assert reasons.by_place(0, "") == (reasons.PLACE, "")


@pytest.mark.parametrize(
    ("updated", "reason"),
    [
        ("2027-01-10T00:00:00Z", "updated 2027-01-10"),
        ("2026-06-01", ""),
        ("2024-01-02T03:04:05.678Z", "not updated since 2024-01-02"),
        ("2099-01-01T00:00:00Z", "updated 2099-01-01"),
        ("yesterday", ""),
        (None, ""),
    ],
)
def test_age_is_said_when_it_is_remarkable(updated: str | None, reason: str) -> None:
    points, said = reasons.by_age(listing("a/b", updated_at=updated), NOW)
    assert said == reason
    assert 0 <= points <= reasons.AGE


def test_without_a_clock_age_does_not_count() -> None:
    assert reasons.by_age(listing("a/b", updated_at="2027-01-10T00:00:00Z"), None) == reasons.NOTHING


def test_what_fails_here_sinks_and_says_so() -> None:
    ((starts, why_starts),) = reasons.by_experience(Track(starts_ok=1, starts_failed=3))
    assert starts < 0
    assert why_starts == "3 of its 4 starts here failed or broke off"
    ((calls, why_calls),) = reasons.by_experience(Track(calls=40, errors=38))
    assert calls < 0
    assert why_calls == "38 of its 40 newest calls here failed"


def test_what_works_here_rises() -> None:
    assert reasons.by_experience(None) == []
    ((starts, why),) = reasons.by_experience(Track(starts_ok=2))
    assert (starts > 0, why) == (True, "started here 2 of 2 times")
    ((many, _),) = reasons.by_experience(Track(starts_ok=2, calls=100))
    ((few, _),) = reasons.by_experience(Track(starts_ok=2, calls=2))
    assert many == reasons.EXPERIENCE > few > 0
