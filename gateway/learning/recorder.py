"""Listens to calls and decisions and publishes what they imply about each other. Synchronous and cheap; no I/O of its
own."""

from __future__ import annotations

from gateway.facts import CallFinished, DecisionMade, Fact, Publish
from gateway.learning.implicit import ImplicitJudge


class Recorder:
    """A listener that hands facts to the implicit judge and publishes its judgements."""

    def __init__(self, publish: Publish, judge: ImplicitJudge | None = None) -> None:
        self._publish = publish
        self._judge = judge or ImplicitJudge()

    def __call__(self, fact: Fact) -> None:
        """Hear a fact; judgements of our own do not come back here."""
        if isinstance(fact, (CallFinished, DecisionMade)):
            for judgement in self._judge.see(fact):
                self._publish(judgement)
