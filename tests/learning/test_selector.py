"""The facade: decisions, their odds, learning, and an exact return from disk."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from gateway.learning import Selector
from tests.learning.simulator import TOPICS, World, mean_value, toy_world

K = 5
SMALL = {"batch": 64, "steps": 4, "every": 32}


def _selector(world: World, seed: int = 0, **config: object) -> Selector:
    return Selector(world.tools, seed=seed, config={**SMALL, **config})


def _live(world: World, selector: Selector, rounds: int, seed: int = 0) -> list[float]:
    """Let agents use the selector; returns the true value of each list."""
    rng = random.Random(seed)
    values = []
    for _ in range(rounds):
        task = rng.choice(world.tasks)
        choice = selector.choose(task.query, K)
        values.append(world.value(task, choice.shown))
        selector.observe(choice.id, *world.act(task, choice.shown, rng))
    return values


def test_importing_the_room_brings_no_torch() -> None:
    code = "import sys, gateway.learning; print('torch' in sys.modules, 'numpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert found.stdout.split() == ["False", "False"]


def test_an_unknown_name_of_the_room_is_an_attribute_error() -> None:
    import gateway.learning as room

    with pytest.raises(AttributeError, match="Nonsense"):
        _ = room.Nonsense


def test_a_decision_shows_distinct_tools_with_odds_above_zero() -> None:
    world = toy_world()
    choice = _selector(world).choose("rain tomorrow", 7)
    assert len(choice.shown) == len(choice.propensities) == len(set(choice.shown)) == 7
    assert all(0.0 < p <= 1.0 for p in choice.propensities)


def test_a_decision_shows_no_more_than_there_is() -> None:
    world = toy_world()
    assert len(_selector(world).choose("rain", 1000).shown) == len(world.tools)
    assert Selector([]).choose("rain", 3).shown == []
    assert Selector(world.tools).choose("rain", 0).shown == []


def test_a_selector_that_observed_nothing_is_the_static_ranker() -> None:
    world = toy_world()
    selector = _selector(world)
    for task in world.tasks[:40]:
        assert selector.rank(task.query, 30) == selector.static_rank(task.query, 30)


def test_ranking_draws_nothing_and_changes_nothing() -> None:
    world = toy_world()
    one, other = _selector(world), _selector(world)
    for task in world.tasks[:20]:
        one.rank(task.query, 5)
    assert [one.choose("rain", 5) for _ in range(20)] == [other.choose("rain", 5) for _ in range(20)]


def test_the_same_seed_and_calls_give_the_same_decisions() -> None:
    world = toy_world()
    one, other = _selector(world, seed=4), _selector(world, seed=4)
    assert _live(world, one, 150) == _live(world, other, 150)
    assert one.choose("jacket", 5) == other.choose("jacket", 5)


def test_choosing_without_observing_changes_no_distribution() -> None:
    world = toy_world()
    selector = _selector(world)
    _live(world, selector, 100)
    before = selector.rank("rain jacket", 10)
    for _ in range(300):
        selector.choose("rain jacket", 5)
    assert selector.rank("rain jacket", 10) == before


@pytest.mark.parametrize("evaluate", [False, True])
def test_stated_odds_are_the_sampled_frequencies(evaluate: bool) -> None:
    world = toy_world()
    selector = _selector(world, bucket=0.3)
    _live(world, selector, 300)
    stated: dict[tuple[int, str], float] = {}
    seen: Counter[tuple[int, str]] = Counter()
    draws = 6000
    for _ in range(draws):
        choice = selector.choose("umbrella for the beach trip", K, {"evaluate": evaluate})
        for place, (tool, odds) in enumerate(zip(choice.shown, choice.propensities, strict=True)):
            seen[place, tool] += 1
            assert stated.setdefault((place, tool), odds) == pytest.approx(odds)
    for where, odds in stated.items():
        # five sigma of the binomial, and a count for the rare ones
        allowed = 5.0 * (odds * (1.0 - odds) / draws) ** 0.5 + 2.0 / draws
        assert abs(seen[where] / draws - odds) <= allowed, where


def test_an_evaluation_decision_gives_every_first_candidate_a_chance() -> None:
    world = toy_world()
    selector = _selector(world)
    _live(world, selector, 300)
    query = "umbrella for the beach trip"
    firsts = {}
    for _ in range(4000):
        choice = selector.choose(query, 1, {"evaluate": True})
        firsts[choice.shown[0]] = choice.propensities[0]
    wanted = {*selector.rank(query, 10), *selector.static_rank(query, 3)}
    assert wanted <= set(firsts)
    assert all(firsts[tool] >= 0.01 for tool in wanted)
    assert sum(firsts.values()) == pytest.approx(1.0)


def test_unknown_decisions_and_outcomes_are_refused() -> None:
    selector = _selector(toy_world())
    choice = selector.choose("rain", 3)
    with pytest.raises(KeyError):
        selector.observe("nobody", choice.shown[0], "ok")
    with pytest.raises(ValueError, match="splendid"):
        selector.observe(choice.id, choice.shown[0], "splendid")


def test_late_repeated_and_foreign_observations_are_taken() -> None:
    world = toy_world()
    selector = _selector(world)
    choice = selector.choose("rain", 3)
    hidden = next(tool["id"] for tool in world.tools if tool["id"] not in choice.shown)
    selector.remove_tools([choice.shown[0]])
    selector.observe(choice.id, choice.shown[0], "ok")
    selector.observe(choice.id, choice.shown[1], "useless", 0.3)
    selector.observe(choice.id, choice.shown[1], "ok", usefulness=0.8)
    selector.observe(choice.id, hidden, "ok")
    assert choice.shown[0] not in selector.rank("rain", 100)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_learning_beats_the_static_ranker_and_chance(seed: int) -> None:
    world = toy_world(seed)
    selector = _selector(world, seed=seed)
    _live(world, selector, 600, seed)
    learned = mean_value(world, selector.rank, world.held_out)
    static = mean_value(world, selector.static_rank, world.held_out)
    rng = random.Random(seed)
    ids = [tool["id"] for tool in world.tools]
    chance = mean_value(world, lambda _query, k: rng.sample(ids, k), world.held_out)
    assert learned > static + 0.08
    assert learned > chance + 0.3


def test_regret_shrinks() -> None:
    world = toy_world(3)
    values = _live(world, _selector(world), 800)
    assert sum(values[-200:]) > sum(values[:200]) + 15


def test_a_failing_tool_sinks_below_its_equal_within_a_few_calls() -> None:
    text = "Return the current time in a time zone."
    twins = [{"id": s, "name": "current_time", "description": text, "server": s} for s in ("first", "second")]
    selector = Selector(twins)
    assert selector.rank("what time is it", 2) == ["first", "second"]
    for _ in range(3):
        choice = selector.choose("what time is it", 2)
        selector.observe(choice.id, "first", "error")
    assert selector.rank("what time is it", 2) == ["second", "first"]


def test_what_failed_in_this_very_context_is_not_offered_first_again() -> None:
    selector = Selector(
        [{"id": i, "name": f"time_{i}", "description": "Tell the time.", "server": i} for i in ("a", "b")],
        config={"bucket": 0.0},
    )
    first = selector.choose("time", 2).shown[0]
    again = selector.choose("time", 2, {"called": [(first, "error")], "unheard_of": 1})
    assert again.shown[0] != first


def test_the_task_stands_in_for_an_empty_query() -> None:
    world = toy_world()
    selector = _selector(world, bucket=0.0)
    assert selector.choose("", 3, {"task": "forecast"}).shown == selector.choose("forecast", 3).shown


def test_a_tool_that_returns_with_the_same_text_keeps_what_was_learned() -> None:
    world = toy_world()
    selector = _selector(world)
    _live(world, selector, 300)
    before = selector.rank("umbrella outside", 8)
    tool = next(t for t in world.tools if t["id"] == before[0])
    selector.remove_tools([tool["id"]])
    assert tool["id"] not in selector.rank("umbrella outside", 8)
    selector.add_tools([tool])
    assert selector.rank("umbrella outside", 8) == before


def test_a_known_id_with_another_text_is_another_tool() -> None:
    selector = Selector([{"id": "x", "name": "a", "description": "Rename files."}, {"id": "y", "name": "b"}])
    selector.add_tools([{"id": "x", "name": "kite", "description": "Fly a kite."}])
    assert selector.rank("kite", 1) == ["x"]
    with pytest.raises(ValueError, match="id"):
        selector.add_tools([{"name": "nameless"}])


def test_a_tool_that_came_late_is_not_hidden() -> None:
    world = toy_world()
    late = next(t for t in world.tools if "song" in t["name"])
    others = [t for t in world.tools if "song" not in t["name"]]
    selector = Selector(others, config=SMALL)
    rng = random.Random(0)
    for _ in range(200):
        task = rng.choice([t for t in world.tasks if not any(w in t.query for w in TOPICS["music"][1].split())])
        choice = selector.choose(task.query, K)
        selector.observe(choice.id, *world.act(task, choice.shown, rng))
    selector.add_tools([late])
    assert late["id"] in selector.choose("play a song by that artist", K).shown[:2]


def test_a_saved_selector_goes_on_bit_for_bit(tmp_path: Path) -> None:
    world = toy_world()
    selector = _selector(world, seed=9)
    _live(world, selector, 230)
    waiting = selector.choose("rain", 3)
    selector.save(tmp_path / "a")
    again = Selector.load(tmp_path / "a")
    shutil.rmtree(tmp_path / "a")
    for one in (selector, again):
        one.observe(waiting.id, waiting.shown[1], "ok")
    assert _live(world, selector, 150, seed=5) == _live(world, again, 150, seed=5)
    assert selector.choose("jacket", 5) == again.choose("jacket", 5)
    assert np.array_equal(selector.snapshot().rows, again.snapshot().rows)


def test_an_untrained_selector_survives_too(tmp_path: Path) -> None:
    world = toy_world()
    selector = _selector(world)
    selector.save(tmp_path)
    again = Selector.load(tmp_path)
    assert [selector.choose("rain", 5) for _ in range(30)] == [again.choose("rain", 5) for _ in range(30)]


def test_an_encoder_given_as_a_function_is_used(tmp_path: Path) -> None:
    def encode(texts: list[str]) -> np.ndarray:
        words = ["kite", "wind"], ["boat", "sea"]
        return np.array([[sum(w in t.lower() for w in ws) + 0.1 for ws in words] for t in texts], np.float32)

    tools = [{"id": "k", "name": "kite"}, {"id": "b", "name": "boat"}]
    selector = Selector(tools, encoder=encode)
    assert selector.rank("sea", 1) == ["b"]
    assert selector.rank("wind", 1) == ["k"]
    choice = selector.choose("wind", 2)
    selector.observe(choice.id, "k", "ok")
    selector.train()
    selector.save(tmp_path)
    assert Selector.load(tmp_path, encoder=encode).rank("wind", 2) == selector.rank("wind", 2)
