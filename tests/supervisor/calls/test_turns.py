"""Whose turn it is."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.supervisor.calls.turns import NoRoomError, Turns


def filled(*tokens: str, room: int = 64) -> Turns[str]:
    """Tokens of the parties that their first letters name, in this order."""
    turns: Turns[str] = Turns()
    for token in tokens:
        turns.add(token[0], token, room=room)
    return turns


def test_one_partys_calls_have_their_turns_in_order() -> None:
    assert filled("a1", "a2", "a3").take_all() == ["a1", "a2", "a3"]


def test_one_call_of_another_party_does_not_wait_for_all_sixty_four() -> None:
    turns = filled(*(f"a{n}" for n in range(63)), "b1")
    assert [turns.next() for _ in range(3)] == ["a0", "b1", "a1"]


def test_parties_take_turns() -> None:
    assert filled("a1", "a2", "a3", "b1", "b2", "c1").take_all() == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_full_line_of_ones_own_is_no_room() -> None:
    turns = filled("a1", "a2", room=2)
    with pytest.raises(NoRoomError):
        turns.add("a", "a3", room=2)
    assert turns.take_all() == ["a1", "a2"]


def test_who_fills_the_room_makes_way_for_one_who_has_less() -> None:
    turns = filled("a1", "a2", "a3")
    assert turns.add("b", "b1", room=3) == "a3"
    assert turns.take_all() == ["a1", "b1", "a2"]


def test_nobody_makes_way_for_one_who_has_as_much() -> None:
    turns = filled("a1", "a2", "b1")
    with pytest.raises(NoRoomError):
        turns.add("b", "b2", room=3)


def test_without_any_room_nobody_waits() -> None:
    turns: Turns[str] = Turns()
    with pytest.raises(NoRoomError):
        turns.add("a", "a1", room=0)


def test_one_who_had_its_turn_in_vain_is_first_again() -> None:
    turns = filled("a1", "b1", "a2")
    first = turns.next()
    turns.put_back("a", first)
    assert turns.take_all() == ["a1", "b1", "a2"]


def test_one_who_left_has_no_turn() -> None:
    turns = filled("a1", "a2", "b1")
    left = [turns.leave("a", "a1"), turns.leave("b", "b1"), turns.leave("b", "b1")]
    assert (left, turns.take_all()) == ([True, True, False], ["a2"])


def test_there_is_no_turn_without_anybody() -> None:
    turns: Turns[str] = Turns()
    with pytest.raises(KeyError):
        turns.next()


class AnyOrder(RuleBasedStateMachine):
    """Whatever comes, goes and is put back: nobody is lost, and each party keeps its order."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: Turns[tuple[str, int]] = Turns()
        self.lines: dict[str, list[tuple[str, int]]] = {"a": [], "b": [], "c": []}
        self.made = 0

    @rule(party=st.sampled_from("abc"), room=st.integers(0, 6))
    def come(self, party: str, room: int) -> None:
        self.made += 1
        token = (party, self.made)
        try:
            displaced = self.turns.add(party, token, room=room)
        except NoRoomError:
            return
        if displaced is not None:
            assert self.lines[displaced[0]].pop() == displaced
        self.lines[party].append(token)

    @rule()
    def have_a_turn(self) -> None:
        if len(self.turns):
            token = self.turns.next()
            assert self.lines[token[0]].pop(0) == token

    @rule()
    def have_it_in_vain(self) -> None:
        if len(self.turns):
            token = self.turns.next()
            self.turns.put_back(token[0], token)

    @rule(party=st.sampled_from("abc"), at=st.integers(0, 5))
    def leave(self, party: str, at: int) -> None:
        if at < len(self.lines[party]):
            assert self.turns.leave(party, self.lines[party].pop(at))

    @invariant()
    def agree(self) -> None:
        assert len(self.turns) == sum(len(line) for line in self.lines.values())


test_any_order = AnyOrder.TestCase
