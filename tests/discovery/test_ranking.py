"""One order for the listings of all sources."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.ranking import View, rank
from gateway.listing import Listing, UnsupportedConnection
from gateway.model import Source
from gateway.store.listings.values import Track
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


def test_what_a_source_tells_now_beats_what_is_remembered_of_it() -> None:
    old, new = listing("acme/weather", description="old", use_count=10**6), listing("Acme/Weather", description="new")
    (item,) = rank("weather", {"smithery": [new]}, remembered=[old])
    assert item.listing.description == "new"


def test_what_the_registrys_search_misses_is_completed_from_memory() -> None:
    missed = listing("acme/weather", use_count=900)
    items = rank("weather", {"smithery": [listing("a/chess")]}, remembered=[missed])
    assert [item.listing.name for item in items] == ["acme/weather", "a/chess"]
    assert not [reason for reason in items[0].why if "place" in reason]


def test_what_does_not_run_here_sinks_and_says_why() -> None:
    view = View(why_not=lambda one: "needs node 22" if one.name == "a/weather" else None)
    first, second = rank("weather", {"smithery": [listing("a/weather"), listing("b/weather")]}, view=view)
    assert [first.listing.name, second.listing.name] == ["b/weather", "a/weather"]
    assert "does not run here: needs node 22" in second.why


def test_a_lookalike_sinks_and_says_of_whom() -> None:
    view = View(suspicions=lambda one: ("it looks like b/weather",) if one.name == "a/weather" else ())
    first, second = rank("weather", {"smithery": [listing("a/weather"), listing("b/weather")]}, view=view)
    assert (first.listing.name, second.warnings) == ("b/weather", ("it looks like b/weather",))
    assert "it looks like b/weather" in second.why


def test_a_copy_in_another_registry_is_judged_by_the_fame_of_the_server() -> None:
    asked: list[str] = []
    view = View(suspicions=lambda one: asked.append(one.name) or ())
    answers = {
        "registry": [listing("io.github.acme/weather", Source.REGISTRY)],
        "smithery": [listing("acme/weather", use_count=900)],
    }
    rank("io.github.acme/weather", answers, view=view)
    assert asked == ["acme/weather"]


def test_own_experience_decides_between_equals() -> None:
    view = View(
        tracks={"smithery:a/weather": Track(starts_failed=3), "smithery:c/weather": Track(starts_ok=3, calls=50)}
    )
    items = rank("weather", {"smithery": [listing(f"{owner}/weather") for owner in "abc"]}, view=view)
    assert items[-1].listing.name == "a/weather"
    assert "0 of its 50 newest calls here failed" in next(i for i in items if i.listing.name == "c/weather").why


def test_objections_are_looked_for_only_as_far_as_the_limit_needs() -> None:
    judged: list[str] = []
    view = View(why_not=lambda one: judged.append(one.name))
    listings = [listing(f"a/weather{n:02}", use_count=10**6 // (n + 1)) for n in range(40)]
    assert len(rank("weather", {"smithery": listings}, view=view, limit=3)) == 3
    assert len(judged) == 3


@given(st.text(max_size=20), LISTINGS, st.sets(st.sampled_from(["a/b", "a/c", "solo"])))
def test_a_limited_order_is_the_beginning_of_the_whole(query: str, listings: list[Listing], bad: set[str]) -> None:
    view = View(why_not=lambda one: "no" if one.name in bad else None)
    whole = rank(query, {"smithery": listings}, view=view)
    assert rank(query, {"smithery": listings}, view=view, limit=2) == whole[:2]


def test_a_registry_that_tells_one_name_twice_is_ranked_once() -> None:
    twice = [listing("acme/weather", repository=f"https://github.com/{owner}/weather") for owner in ("acme", "evil")]
    bare = listing("io.github.acme/weather", Source.REGISTRY)
    assert len(rank("weather", {"smithery": [*twice], "registry": [bare, bare]})) == 1
