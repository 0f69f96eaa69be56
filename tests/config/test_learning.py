from __future__ import annotations

import pytest

from gateway.config.learning import LearningSection


def test_the_defaults_have_no_problem() -> None:
    assert list(LearningSection().problems()) == []


@pytest.mark.parametrize(
    ("section", "key"),
    [(LearningSection(batch=100, buffer=50), "batch"), (LearningSection(prior_a=0, prior_b=0), "prior_a")],
)
def test_numbers_that_do_not_fit_each_other_are_told(section: LearningSection, key: str) -> None:
    assert [found for found, _ in section.problems()] == [key]
