"""Who waits for which wire id."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.protocol.calls import MAX_ABANDONED, Calls


def test_an_answer_finds_its_token_once() -> None:
    calls: Calls[str] = Calls()
    first, second = calls.open("a"), calls.open("b")
    assert (calls.answered(second), calls.answered(first)) == ("b", "a")
    assert (calls.answered(first), calls.late, calls.repeated) == (None, 0, 1)


def test_late_answer_to_an_abandoned_call_is_dropped_and_counted() -> None:
    calls: Calls[str] = Calls()
    wire_id = calls.open("a")
    assert calls.abandon(wire_id)
    assert (calls.answered(wire_id), calls.late, calls.unknown) == (None, 1, 0)
    assert (calls.answered(wire_id), calls.late, calls.repeated) == (None, 1, 1)


def test_abandoned_calls_without_end_are_not_remembered() -> None:
    calls: Calls[str] = Calls()
    for _ in range(MAX_ABANDONED + 1):
        calls.abandon(calls.open("a"))
    assert (calls.answered(1), calls.late, calls.repeated) == (None, 0, 1)
    assert (calls.answered(2), calls.late) == (None, 1)


def test_an_id_never_given_is_unknown() -> None:
    calls: Calls[str] = Calls()
    assert [calls.answered(i) for i in (1, 0, -3, "x", "٣", "9" * 40)] == [None] * 6
    assert calls.unknown == 6


def test_a_number_echoed_as_text_is_understood() -> None:
    calls: Calls[str] = Calls()
    assert calls.answered(str(calls.open("a"))) == "a"


def test_the_end_of_the_stream_hands_out_everybody_in_order() -> None:
    calls: Calls[str] = Calls()
    for token in "abc":
        calls.open(token)
    calls.abandon(2)
    assert calls.orphans() == ["a", "c"]
    assert calls.orphans() == []


class AnyInterleaving(RuleBasedStateMachine):
    """Calls opened, answered, abandoned and orphaned in any order: nobody gets another's answer."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Calls[int] = Calls()
        self.waiting: dict[int, int] = {}
        self.made = 0

    @rule()
    def open(self) -> None:
        self.made += 1
        wire_id = self.calls.open(self.made)
        assert wire_id not in self.waiting
        self.waiting[wire_id] = self.made

    @rule(wire_id=st.integers(0, 12))
    def answer(self, wire_id: int) -> None:
        assert self.calls.answered(wire_id) == self.waiting.pop(wire_id, None)

    @rule(wire_id=st.integers(0, 12))
    def abandon(self, wire_id: int) -> None:
        assert self.calls.abandon(wire_id) == (self.waiting.pop(wire_id, None) is not None)

    @rule()
    def end(self) -> None:
        assert self.calls.orphans() == list(self.waiting.values())
        self.waiting.clear()

    @invariant()
    def agree(self) -> None:
        assert len(self.calls) == len(self.waiting)
        assert all(self.calls.find(wire_id) == token for wire_id, token in self.waiting.items())


test_any_interleaving = AnyInterleaving.TestCase
