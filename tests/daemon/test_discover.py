from __future__ import annotations

from gateway.config.registries import DiscoverRule
from gateway.daemon.discover import may_fill, rule_key, vacancy
from gateway.listing import Listing
from gateway.model import Source


def listing(name: str, *, verified: bool = True) -> Listing:
    return Listing(source=Source.SMITHERY, name=name, verified=verified)


def test_an_unverified_server_is_only_taken_when_the_rule_says_so() -> None:
    stranger = listing("a/b", verified=False)
    assert not may_fill(DiscoverRule("weather"), stranger)
    assert may_fill(DiscoverRule("weather", verified_only=False), stranger)


def test_deny_beats_allow() -> None:
    rule = DiscoverRule("weather", allow=("acme/*",), deny=("acme/bad*",))
    assert may_fill(rule, listing("acme/good"))
    assert not may_fill(rule, listing("acme/bad-one"))
    assert not may_fill(rule, listing("other/good"))


def test_a_rule_that_has_what_it_wants_has_no_vacancy() -> None:
    assert vacancy(DiscoverRule("weather", limit=1), [listing("a/b")], 1, ()).listings == ()


def test_what_is_installed_already_does_not_fill_a_vacancy() -> None:
    found = vacancy(DiscoverRule("weather", limit=2), [listing("a/b"), listing("a/c")], 1, {"a/b"})
    assert (found.count, [item.name for item in found.listings]) == (1, ["a/c"])


def test_rules_are_told_apart_by_their_need() -> None:
    assert rule_key(DiscoverRule("weather")) != rule_key(DiscoverRule("maps"))
