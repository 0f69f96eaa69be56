"""Searching by several words where only one piece of text can be looked for."""

from __future__ import annotations

import pytest

from gateway.discovery.official.needles import MAX_NEEDLES, by_matches, needles, telling_words
from gateway.model import Source
from tests.discovery.support import listing


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", ()),
        ("weather", ("weather",)),
        ("I need a server to read PDF files", ("read", "pdf", "files")),
        ("an mcp server", ("an", "mcp", "server")),  # nothing says much: then everything counts
        ("io.github.acme/echo", ("io.github.acme/echo",)),
        ("time, time; TIME!", ("time",)),
        ('"quoted" (words)...', ("quoted", "words")),
        ("...", ()),
        ("погода 天气", ("погода", "天气")),
    ],
)
def test_only_words_that_say_something_count(query: str, words: tuple[str, ...]) -> None:
    assert telling_words(query) == words


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("", ()),
        ("read PDF files", ("files", "read", "pdf")),
        ("git github gitlab issues", ("github", "gitlab", "issues")),  # git is inside github
        ("one two three four five sixes", ("three", "sixes", "four")),
    ],
)
def test_the_longest_words_are_looked_for(query: str, chosen: tuple[str, ...]) -> None:
    assert needles(query) == chosen
    assert len(chosen) <= MAX_NEEDLES


def test_most_matching_words_come_first_and_nobody_comes_twice() -> None:
    both = listing("a.b/pdf-files", Source.REGISTRY)
    one, other = listing("a.b/files", Source.REGISTRY), listing("a.b/pdf", Source.REGISTRY)
    third = listing("a.b/x", Source.REGISTRY, description="PDF files")
    found = by_matches("pdf files", [[one, both], [other, both, third]])
    assert [item.name for item in found] == ["a.b/pdf-files", "a.b/x", "a.b/files", "a.b/pdf"]


def test_a_single_answer_keeps_its_order() -> None:
    rows = [listing(f"a.b/x{n}", Source.REGISTRY) for n in (3, 1, 2)]
    assert by_matches("x", [rows]) == tuple(rows)
