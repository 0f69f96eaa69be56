"""Near-duplicates."""

from __future__ import annotations

import numpy as np

from gateway.learning.families import THRESHOLD, cosine, nearest_earlier, sketches
from gateway.learning.lexical import LexicalIndex, read_card
from gateway.model import ToolCard

TIME = "Return the current time in a time zone, optionally formatted."
CARDS = [
    ToolCard("a", "current_time", TIME, "clock"),
    ToolCard("b", "get_current_time", TIME.replace("Return", "Give"), "watch"),
    ToolCard("c", "send_mail", "Send an e-mail to somebody.", "post"),
    ToolCard("d", "current_time_utc", TIME, "clock"),
]
DOCUMENTS = [read_card(card) for card in CARDS]
INDEX = LexicalIndex(DOCUMENTS).chars


def _pairs(servers: list[str], first_new: int = 0) -> list[tuple[int, int]]:
    return nearest_earlier(INDEX, DOCUMENTS, servers, first_new)


def test_another_servers_copy_is_found() -> None:
    assert (1, 0) in _pairs([card.server for card in CARDS])


def test_tools_of_one_server_are_never_duplicates() -> None:
    assert (3, 1) in _pairs(["clock", "watch", "post", "watch2"]) or (3, 0) in _pairs(["clock", "watch", "post", "x"])
    assert all(pair not in _pairs(["clock"] * 4) for pair in [(1, 0), (3, 0), (3, 1)])


def test_unnamed_servers_may_hold_duplicates() -> None:
    assert (1, 0) in _pairs([""] * 4)


def test_only_new_tools_are_placed() -> None:
    assert _pairs([""] * 4, first_new=4) == []


def test_sketches_keep_cosines_roughly() -> None:
    made = sketches(INDEX, DOCUMENTS)
    for i in range(len(CARDS)):
        for j in range(i):
            assert abs(float(made[i] @ made[j]) - cosine(INDEX, DOCUMENTS[i], DOCUMENTS[j])) < 0.25


def test_a_tools_cosine_with_itself_is_one() -> None:
    assert np.isclose(cosine(INDEX, DOCUMENTS[0], DOCUMENTS[0]), 1.0)
    assert cosine(INDEX, DOCUMENTS[0], DOCUMENTS[2]) < THRESHOLD
