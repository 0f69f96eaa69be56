"""Off-policy estimators, checked by enumerating a small problem."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.learning.evaluate import Estimate, Log, dr, ips, paired, promote, snips

LOGGING = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.1, 0.1, 0.8])
REWARD = np.array([0.9, 0.5, 0.2])
TRUE_VALUE = float(TARGET @ REWARD)


def _enumerated(times: int = 100) -> tuple[Log, np.ndarray, np.ndarray]:
    """Every action exactly as often as the logging policy takes it, rewarded exactly as often as it earns."""
    actions = np.repeat(np.arange(3), (LOGGING * 10 * times).round().astype(int))
    rewards = np.concatenate([np.arange(n) < REWARD[a] * n for a, n in enumerate(np.bincount(actions))]).astype(float)
    return Log(rewards, LOGGING[actions]), TARGET[actions], actions


def test_every_estimator_is_exact_on_an_enumerated_log() -> None:
    log, target, actions = _enumerated()
    model = np.array([0.7, 0.7, 0.7])
    assert ips(log, target).value == pytest.approx(TRUE_VALUE)
    assert snips(log, target).value == pytest.approx(TRUE_VALUE)
    found = dr(log, target, model[actions], np.full(len(actions), float(TARGET @ model)))
    assert found.value == pytest.approx(TRUE_VALUE)


def test_dr_with_a_perfect_model_is_steadier_than_ips() -> None:
    log, target, actions = _enumerated()
    found = dr(log, target, REWARD[actions], np.full(len(actions), TRUE_VALUE))
    plain = ips(log, target)
    assert found.hi - found.lo < plain.hi - plain.lo


def test_evaluating_the_logging_policy_itself_is_the_plain_mean() -> None:
    log, _, _ = _enumerated()
    found = snips(log, log.propensities)
    assert found.value == pytest.approx(float(log.rewards.mean()))
    assert found.ess == pytest.approx(len(log.rewards))


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(300):
        actions = rng.choice(3, 400, p=LOGGING)
        log = Log((rng.random(400) < REWARD[actions]).astype(float), LOGGING[actions])
        found = snips(log, TARGET[actions])
        covered += found.lo <= TRUE_VALUE <= found.hi
    assert 270 <= covered <= 299


def test_a_paired_difference_has_the_right_value_and_sign() -> None:
    log, target, actions = _enumerated()
    other = np.array([0.8, 0.1, 0.1])
    difference = paired(log, other[actions], target)
    assert difference.value == pytest.approx(float((other - TARGET) @ REWARD))
    assert promote(difference)[0]
    assert not promote(paired(log, target, other[actions]))[0]


def test_nothing_is_promoted_on_too_few_effective_decisions() -> None:
    kept, reason = promote(Estimate("x", "paired_ips", 0.5, 0.4, 0.6, 12.0, 500))
    assert not kept
    assert "effective" in reason


def test_a_target_without_overlap_has_an_unbounded_interval() -> None:
    found = snips(Log(np.ones(5), np.full(5, 0.5)), np.zeros(5))
    assert found.ess == 0.0
    assert np.isinf(found.hi)


@pytest.mark.parametrize("propensities", [[0.0, 0.5], [0.5, 1.5], [0.5]])
def test_impossible_propensities_are_refused(propensities: list[float]) -> None:
    with pytest.raises(ValueError, match="propensities"):
        Log(np.zeros(2), np.array(propensities))
