"""Ledger words into labels, labels into lessons."""

from __future__ import annotations

import pytest

from gateway.learning.reward import CHOICE_WEIGHT, Label, call_reward, label_of, lesson
from gateway.model import CallOutcome


@pytest.mark.parametrize(
    ("outcome", "label"),
    [
        (CallOutcome.OK, Label.OK),
        (CallOutcome.TOOL_ERROR, Label.ERROR),
        (CallOutcome.GONE, Label.ERROR),
        (CallOutcome.TIMEOUT, Label.TIMEOUT),
        (CallOutcome.REFUSED, None),
        (CallOutcome.CANCELLED, None),
        (CallOutcome.BUSY, None),
    ],
)
def test_each_ledger_outcome_has_its_label(outcome: CallOutcome, label: Label | None) -> None:
    assert label_of(outcome) is label


def test_an_unknown_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        label_of("nonsense")


def test_a_failed_call_of_the_first_tool_teaches_nothing_about_relevance() -> None:
    assert lesson(Label.ERROR, None, place=0) is None
    assert lesson(Label.TIMEOUT, None, place=None) is None


def test_a_failed_call_of_a_tool_picked_from_below_says_it_was_meant() -> None:
    taught = lesson(Label.ERROR, None, place=2)
    assert taught is not None
    assert taught.useful is None
    assert taught.chosen == CHOICE_WEIGHT


def test_usefulness_overrides_the_default() -> None:
    taught = lesson(Label.OK, 0.2, place=0, weight=3.0)
    assert taught is not None
    assert (taught.useful, taught.weight) == (0.2, 3.0)


def test_rewards_stay_within_their_bounds() -> None:
    assert call_reward(Label.OK, None, 0.0) == 1.0
    assert call_reward(Label.TIMEOUT, None, 1000.0, 5.0) == pytest.approx(-0.6)
    assert call_reward(Label.USELESS, None, 0.0) == 0.0
