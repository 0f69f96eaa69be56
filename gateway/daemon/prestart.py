"""Starts servers at rest when earlier calls say that they are about to be used. Learns from the ledger and from facts.

Which server follows which is `gateway.supervisor.warmth.prediction`'s to know, whether a start was worth it the
supervisor's; here they only meet. Never waits, never delays a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.clock import Clock
from gateway.endpoint.dispatch import OWN_SERVER
from gateway.facts import CallFinished, Fact
from gateway.model import CallOutcome, ServerName
from gateway.supervisor.warmth.prediction import Predictor


class Prestarter:
    """A listener of facts."""

    def __init__(self, prestart: Callable[[ServerName], None], clock: Clock) -> None:
        self._prestart = prestart
        self._clock = clock
        self._predictor = Predictor()

    def catch_up(self, calls: Iterable[CallFinished]) -> int:
        """Learn from the ledger's calls, oldest first; returns how many counted. Before any fact is heard."""
        counted = 0
        for call in sorted((call for call in calls if _counts(call)), key=lambda call: call.at + call.latency_s):
            self._predictor.observe(call.server, _caller(call), began=call.at, ended=call.at + call.latency_s)
            counted += 1
        self._predictor.close()
        return counted

    def __call__(self, fact: Fact) -> None:
        """Learn from a call that came to its end, and start what is likely to be called next."""
        if not isinstance(fact, CallFinished) or not _counts(fact):
            return
        now = self._clock.now()
        self._predictor.observe(fact.server, _caller(fact), began=now - fact.latency_s, ended=now)
        for server in self._predictor.next_after(fact.server, now):
            self._prestart(ServerName(server))


def _counts(call: CallFinished) -> bool:
    return call.server != OWN_SERVER and call.outcome != CallOutcome.REFUSED


def _caller(call: CallFinished) -> tuple[str, str, str]:
    return call.principal, call.agent, call.run
