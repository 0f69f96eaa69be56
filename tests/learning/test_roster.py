"""The set of known tools."""

from __future__ import annotations

import numpy as np

from gateway.learning.roster import Roster
from gateway.model import ToolCard

TIME = "Return the current time in a time zone, optionally formatted as ISO 8601."
A, B = ToolCard("a", "current_time", TIME, "clock"), ToolCard("b", "current_time", TIME, "watch")
C = ToolCard("c", "send_mail", "Send an e-mail to somebody.", "post")


def _roster(*cards: ToolCard) -> Roster:
    roster = Roster()
    roster.add(cards)
    return roster


def test_the_same_tool_of_two_servers_is_one_family() -> None:
    roster = _roster(A, B, C)
    assert roster.families[0] == roster.families[1] != roster.families[2]


def test_siblings_share_their_familys_best_closeness() -> None:
    roster = _roster(A, B, C)
    lexical = roster.evidence("what time is it").lexical
    assert abs(lexical[0] - lexical[1]) < 0.1 < lexical[0] - lexical[2]


def test_a_returning_tool_gets_its_family_back() -> None:
    roster = _roster(C, A)
    before = int(roster.families[roster.position("a")])
    roster.remove(["a"])
    roster.add([ToolCard("new", "git_log", "Show the log of a repository.", "git"), A])
    assert int(roster.families[roster.position("a")]) == before


def test_a_known_id_takes_the_new_text() -> None:
    roster = _roster(A, C)
    roster.add([ToolCard("a", "open_door", "Open the garage door.", "home")])
    assert len(roster) == 2
    assert roster.evidence("garage").lexical[0] > roster.evidence("garage").lexical[1]


def test_removing_an_unknown_tool_changes_nothing() -> None:
    roster = _roster(A)
    roster.remove(["nobody"])
    assert roster.ids == ["a"]


def test_a_restored_roster_has_the_same_families() -> None:
    roster = _roster(A, B, C)
    again = Roster()
    again.restore([A, B, C], roster.family_map())
    assert again.families.tolist() == roster.families.tolist()
    assert again.family_count == roster.family_count


def test_an_encoder_adds_dense_closeness() -> None:
    def encode(texts: list[str]) -> np.ndarray:
        return np.array([[1.0, 0.0] if "time" in t else [0.0, 1.0] for t in texts], np.float32)

    roster = Roster(encode)
    roster.add([A, C])
    dense = roster.evidence("time please").dense
    assert dense is not None
    assert dense[0] > dense[1]
    assert roster.evidence("  ").dense is None


def test_an_empty_query_is_empty_evidence() -> None:
    assert _roster(A).evidence("").empty
