"""One order for the listings of all sources."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.ranking import rank
from gateway.listing import Listing, UnsupportedConnection
from gateway.model import Source
from tests.discovery.support import listing


def order(query: str, *listings: Listing) -> list[str]:
    """Names, best first, of listings of one source in this order."""
    return [item.listing.name for item in rank(query, {"smithery": listings})]


def test_an_exact_name_beats_everything() -> None:
    famous = listing("acme/weather", description="acne weather", verified=True, use_count=10**6)
    assert order("acne/weather", famous, listing("acne/weather")) == ["acne/weather", "acme/weather"]


def test_the_words_of_the_question_beat_the_registrys_order() -> None:
    assert order("weather forecast", listing("a/chess"), listing("a/weather", description="A forecast")) == [
        "a/weather",
        "a/chess",
    ]


def test_a_verified_server_comes_before_its_lookalike() -> None:
    lookalike = listing("acne/weather", display_name="Acme Weather", use_count=5)
    genuine = listing("acme/weather", display_name="Acme Weather", use_count=5, verified=True)
    assert order("weather", lookalike, genuine)[0] == "acme/weather"


def test_use_decides_between_equals() -> None:
    assert order("", listing("a/rare", use_count=1), listing("a/popular", use_count=90_000))[0] == "a/popular"


def test_deprecated_unscannable_and_uninstallable_servers_sink() -> None:
    dead = (UnsupportedConnection("none", "gone"),)
    sunk = [
        listing("a/deprecated", status="deprecated", status_message="use b"),
        listing("a/scan", scan_passed=False),
        listing("a/dead", connections=dead),
    ]
    assert order("", *sunk, listing("a/fine"))[0] == "a/fine"
    whys = {item.listing.name: " ".join(item.why) for item in rank("", {"smithery": sunk})}
    assert "use b" in whys["a/deprecated"]
    assert "scan failed" in whys["a/scan"]
    assert "can be installed" in whys["a/dead"]


def test_deleted_servers_are_left_out() -> None:
    assert order("x", listing("a/x", status="deleted")) == []


def test_a_server_of_two_sources_is_one_item_that_says_so() -> None:
    (item,) = rank(
        "weather",
        {
            "smithery": [listing("acme/weather", verified=True, use_count=10)],
            "registry": [listing("io.github.acme/weather", Source.REGISTRY)],
        },
    )
    assert item.sources == ("smithery", "registry")
    assert item.listing.name == "acme/weather"
    assert [other.name for other in item.others] == ["io.github.acme/weather"]
    assert "listed by smithery and registry" in item.why


def test_the_reasons_are_the_parts_of_the_score() -> None:
    (item,) = rank("weather", {"smithery": [listing("acme/weather", verified=True, use_count=10)]})
    assert item.why == (
        "the last part of its name is what was asked for", "matches weather", "place 1 in smithery",
        "verified", "10 uses",
    )  # fmt: skip


LISTINGS = st.lists(
    st.builds(
        lambda name, verified, uses, state: listing(name, verified=verified, use_count=uses, status=state),
        st.sampled_from(["a/b", "a/c", "io.github.a/b", "solo", "d/e"]),
        st.booleans(),
        st.none() | st.integers(0, 10**9),
        st.sampled_from(["active", "deprecated", "deleted"]),
    ),
    max_size=8,
)


@given(st.text(max_size=20), LISTINGS)
def test_scores_are_bounded_sorted_and_nothing_appears_twice(query: str, listings: list[Listing]) -> None:
    items = rank(query, {"smithery": listings})
    scores = [item.score for item in items]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    names = [item.listing.name for item in items]
    assert len(names) == len(set(names))
