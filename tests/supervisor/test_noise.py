"""How much nonsense is borne."""

from __future__ import annotations

import pytest

from gateway.model import HealthPolicy
from gateway.supervisor.noise import NoiseGauge, noise_reason


def test_the_promised_limit_is_a_hundred_a_minute() -> None:
    assert HealthPolicy().noise_limit == 100


def test_as_many_as_the_limit_are_borne_and_one_more_is_too_much() -> None:
    gauge = NoiseGauge()
    assert not any(gauge.is_too_much(float(n) / 10, 100) for n in range(100))
    assert gauge.is_too_much(10.0, 100)


def test_what_is_older_than_a_minute_is_forgotten() -> None:
    gauge = NoiseGauge()
    assert not any(gauge.is_too_much(float(n), 60) for n in range(1000))


def test_one_more_than_one_a_second_is_too_much_where_sixty_a_minute_are_borne() -> None:
    gauge = NoiseGauge()
    assert any(gauge.is_too_much(0.9 * n, 60) for n in range(1000))


@pytest.mark.parametrize("limit", [0, -1])
def test_without_a_limit_any_number_is_borne(limit: int) -> None:
    gauge = NoiseGauge()
    assert not any(gauge.is_too_much(0.0, limit) for _ in range(1000))


def test_a_flood_is_remembered_in_bounded_space() -> None:
    gauge = NoiseGauge()
    for _ in range(100_000):
        gauge.is_too_much(0.0, 10)
    assert len(gauge._heard) == 11


def test_a_lower_limit_holds_at_once() -> None:
    gauge = NoiseGauge()
    assert not any(gauge.is_too_much(0.0, 100) for _ in range(50))
    assert gauge.is_too_much(1.0, 20)


def test_the_reason_names_the_limit() -> None:
    assert noise_reason(100) == "put aside: more than 100 lines within a minute that are no messages"
