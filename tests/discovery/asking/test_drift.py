"""Counting how answers differ from their shapes."""

from __future__ import annotations

from gateway.discovery.asking.drift import MAX_KINDS, MAX_UNKNOWN, DriftMeter
from gateway.discovery.parsing.shapes import OTHER, Drift, Shape, text
from gateway.facts import Fact
from tests.fakes import FakeClock

SHAPE = Shape({"name": text()})


def test_what_differs_is_counted_and_told(clock: FakeClock) -> None:
    facts: list[Fact] = []
    meter = DriftMeter("smithery", clock, facts.append)
    for _ in range(2):
        meter.look({"name": 5, "novel": 1}, SHAPE)
    assert meter.counts() == (Drift("name", "type", 2), Drift("novel", "unknown", 2))
    assert [(fact.source, fact.field, fact.kind, fact.count, fact.at) for fact in facts[:1]] == [  # type: ignore[union-attr]
        ("smithery", "name", "type", 1, clock.wall())
    ]
    assert len(facts) == 4


def test_an_answer_as_it_should_be_says_nothing(clock: FakeClock) -> None:
    facts: list[Fact] = []
    meter = DriftMeter("smithery", clock, facts.append)
    meter.look({"name": "x"}, SHAPE)
    assert (meter.counts(), facts) == ((), [])


def test_names_that_a_registry_makes_up_without_end_become_one(clock: FakeClock) -> None:
    meter = DriftMeter("smithery", clock)
    for number in range(500):
        meter.look({"name": "x", f"made{number}": 1}, SHAPE)
    counts = meter.counts()
    assert len(counts) == MAX_UNKNOWN + 1
    assert Drift(OTHER, "unknown", 500 - MAX_UNKNOWN) in counts


def test_the_number_of_all_differences_is_bounded(clock: FakeClock) -> None:
    meter = DriftMeter("smithery", clock)
    for number in range(MAX_KINDS + 50):
        meter.look({}, Shape({f"field{number}": text()}))
    assert len(meter.counts()) == MAX_KINDS + 1
    assert sum(drift.count for drift in meter.counts()) == MAX_KINDS + 50
