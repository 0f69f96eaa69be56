"""Usefulness and popularity."""

from __future__ import annotations

import pytest

from gateway.learning.standing import Standing


def test_use_makes_popular_but_never_as_much_as_failing_costs() -> None:
    standing = Standing()
    for _ in range(500):
        standing.succeeded("much")
    much, none = standing.popularity(["much", "none"])
    assert 0.0 == none < much < 0.3


def test_bad_ratings_lower_and_good_ones_do_not_exceed_the_untouched() -> None:
    standing = Standing()
    for number in range(10):
        standing.judged("bad", 0.0, 3.0, f"judge{number}")
        standing.judged("good", 1.0, 3.0, f"judge{number}")
    bad, good, untouched = standing.usefulness(["bad", "good", "untouched"])
    assert bad < -0.5 < good == untouched == 0.0


def test_one_judge_cannot_flood() -> None:
    one, many = Standing(), Standing()
    for number in range(50):
        one.judged("x", 0.0, 3.0, "the same")
        many.judged("x", 0.0, 3.0, f"judge{number}")
    assert one.usefulness(["x"])[0] > 0.6 * many.usefulness(["x"])[0]


def test_values_and_weights_are_held_to_their_bounds() -> None:
    standing = Standing()
    standing.judged("x", 50.0, 1e9, "j")
    standing.judged("x", -50.0, -5.0, "k")
    assert standing.usefulness(["x"])[0] == pytest.approx(0.0, abs=0.1)


def test_counts_survive_a_round_trip() -> None:
    standing, again = Standing(), Standing()
    standing.succeeded("a")
    standing.judged("b", 0.2, 1.0, "j")
    again.restore(standing.state())
    assert again.state() == standing.state()


@pytest.mark.parametrize("row", [[1.0], [1.0, float("inf"), 0.0], [-1.0, 0.0, 0.0]])
def test_malformed_counts_are_refused(row: list[float]) -> None:
    with pytest.raises(ValueError, match="malformed"):
        Standing().restore({"x": row})
