"""Orders and their odds."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from gateway.learning import policy
from gateway.learning.policy import FLOOR, Ranking, Slot
from gateway.learning.roster import Roster
from gateway.learning.snapshot import base_snapshot
from gateway.model import ToolCard


def _ranking(score: list[float]) -> Ranking:
    values = np.array(score)
    order = np.argsort(-values, kind="stable").astype(np.int64)
    return Ranking(order, values, np.exp(values), np.ones(len(values)))


def test_a_family_shows_its_best_member_first_and_marks_the_others_down() -> None:
    score = np.log(np.array([0.9, 0.8, 0.5, 0.1]))
    order = policy.spread(score, np.array([0, 0, 1, 2]))
    assert order.tolist() == [0, 2, 1, 3]


def test_without_families_the_order_is_the_scores() -> None:
    score = np.array([-3.0, -1.0, -2.0, -1.0])
    assert policy.spread(score, np.arange(4)).tolist() == [1, 3, 2, 0]


def test_a_failing_tool_falls_behind_its_equal() -> None:
    roster = Roster()
    roster.add([ToolCard("a", "now", "Tells the time.", "x"), ToolCard("b", "now", "Tells the time.", "y")])
    rows = np.full(2, -1, np.int64)
    ranking = policy.rank(roster, base_snapshot(), roster.evidence("time"), rows, np.array([0.2, 0.9]))
    assert ranking.order.tolist() == [1, 0]


def test_cold_start_equals_the_static_ranker() -> None:
    roster = Roster()
    roster.add([ToolCard(str(i), f"tool_{w}", f"Does {w} things.") for i, w in enumerate(["red", "green", "blue"])])
    evidence = roster.evidence("green things")
    ranking = policy.rank(roster, base_snapshot(), evidence, np.full(3, -1, np.int64), np.full(3, 0.9))
    assert ranking.order.tolist() == policy.static_order(roster, base_snapshot(), evidence).tolist()


def test_the_odds_of_slot_one_sum_to_one_above_the_floor() -> None:
    slot = policy.slot_odds(_ranking([-0.1 * i for i in range(30)]), np.array([20, 25, 3]), gamma=50.0)
    assert slot.odds.sum() == pytest.approx(1.0)
    assert (slot.odds >= FLOOR).all()
    assert {20, 25, 3, *range(10)} <= set(slot.candidates.tolist())
    assert int(slot.candidates[int(np.argmax(slot.odds))]) == 0


def test_propensities_equal_an_enumeration() -> None:
    order = np.array([4, 2, 0, 1, 3, 5], np.int64)
    slot = Slot(np.array([4, 2, 0, 5]), np.array([0.5, 0.2, 0.2, 0.1]))
    for evaluation, k in itertools.product((0.1, 1.0), (1, 3, 6)):
        chance = np.zeros((6, 6))
        for i in range(6):
            chance[order[i], i] += 1.0 - evaluation
        for tool, odds in zip(slot.candidates.tolist(), slot.odds.tolist(), strict=True):
            for place, one in enumerate(policy.to_front(order, tool).tolist()):
                chance[one, place] += evaluation * odds
        for tool in slot.candidates.tolist():
            shown = policy.to_front(order, tool)[:k]
            stated = policy.propensities(order, shown, slot, evaluation)
            assert stated == pytest.approx([chance[one, i] for i, one in enumerate(shown.tolist())])


def test_drawing_follows_the_odds() -> None:
    slot = Slot(np.array([7, 3, 9]), np.array([0.6, 0.3, 0.1]))
    rng = random.Random(1)
    drawn = [policy.draw(slot, rng.random()) for _ in range(20_000)]
    # 4 sigma of a binomial of this size is below 0.014
    assert all(abs(drawn.count(t) / 20_000 - p) < 0.014 for t, p in zip([7, 3, 9], [0.6, 0.3, 0.1], strict=True))


def test_rounding_at_the_upper_end_draws_the_last_candidate() -> None:
    assert policy.draw(Slot(np.array([7, 3]), np.array([0.5, 0.5 - 1e-12])), 1.0 - 1e-16) == 3


def _reserve(counts: list[int], young: list[bool], k: int) -> list[int]:
    order, static = np.arange(6), np.array([5, 4, 3, 2, 1, 0])
    found = policy.reserve_cold(order, static, counts=np.array(counts), young=np.array(young), k=k, cold_n=15)
    return found.tolist()


def test_a_new_tool_of_the_static_top_gets_the_second_place_at_first() -> None:
    assert _reserve([0] * 6, [False] * 5 + [True], k=3) == [0, 5, 1, 2, 3, 4]


def test_later_it_gets_the_last_place() -> None:
    assert _reserve([9] * 6, [False] * 5 + [True], k=3) == [0, 1, 5, 2, 3, 4]


def test_known_tools_get_no_reserved_place() -> None:
    assert _reserve([0] * 6, [False] * 6, k=3) == list(range(6))
    assert _reserve([0] * 6, [True] * 6, k=1) == list(range(6))


def test_exploration_grows_slowly_with_experience() -> None:
    assert policy.exploration(0) < policy.exploration(1000) < policy.exploration(100_000)
