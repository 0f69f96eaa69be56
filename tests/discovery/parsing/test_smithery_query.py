"""A search as Smithery's parameters."""

from __future__ import annotations

import pytest

from gateway.discovery.parsing.smithery_query import MAX_CANDIDATES, SEED, Filters, question, read_filters
from gateway.errors import UsageError


def test_a_short_search_says_little() -> None:
    assert question("weather", Filters(), limit=10) == {"pageSize": "20", "q": "weather"}
    assert question("", Filters(), limit=100) == {"pageSize": "100"}


def test_more_than_one_page_needs_one_order_and_for_words_enough_candidates() -> None:
    assert question("", Filters(), limit=101) == {"pageSize": "100", "seed": str(SEED)}
    deep = question("x", Filters(), limit=250)
    assert (deep["topK"], deep["seed"]) == ("250", str(SEED))
    assert question("x", Filters(), limit=5000)["topK"] == str(MAX_CANDIDATES)


def test_what_the_operator_says_beats_our_own_numbers() -> None:
    asked = question("x", Filters(top_k=11, seed=-4), limit=250)
    assert (asked["topK"], asked["seed"]) == ("11", "-4")


def test_filters_are_read_under_the_registrys_names() -> None:
    given = {"ids": "8a6f0c52-1111-4222-8333-444455556666", "isDeployed": "1", "verified": "false",
             "namespace": "@acme", "topK": "10", "fields": "verified, useCount"}  # fmt: skip
    filters = read_filters(given)
    assert filters == Filters(
        ids=("8a6f0c52-1111-4222-8333-444455556666",), is_deployed=True, verified=False, namespace="@acme", top_k=10,
        fields=("verified", "useCount"),
    )  # fmt: skip
    assert question("", filters, limit=1) == {
        "pageSize": "20", "isDeployed": "true", "verified": "false", "namespace": "acme", "topK": "10",
        "ids": "8a6f0c52-1111-4222-8333-444455556666", "fields": "qualifiedName,verified,useCount",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("owner", "x", "has no filter"),
        ("verified", "yes", "must be true or false"),
        ("topK", "ten", "must be a whole number"),
        ("topK", "9", "from 10 to 500"),
        ("topK", "501", "from 10 to 500"),
        ("namespace", "a b", "cannot be"),
        ("repoName", "x&verified=true", "cannot be"),
        ("ids", "not-a-uuid!", "UUIDs"),
        ("ids", ",".join(["8a6f0c52-1111-4222-8333-444455556666"] * 101), "UUIDs"),
        ("fields", "secrets", "has no field"),
        ("seed", "1e3", "must be a whole number"),
    ],
)
def test_what_the_registry_would_refuse_is_refused_here_by_its_name(name: str, value: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read_filters({name: value})
    assert caught.value.fix


def test_words_are_cleaned_before_they_travel() -> None:
    assert question("a\u202eb\x00c\nd", Filters(), limit=1)["q"] == "abc d"
