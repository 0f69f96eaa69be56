"""Implicit signals: what an agent's next steps say about the call before. No I/O, no clock: facts carry their times.

Sees facts, answers with `Rewarded` facts of small weight and source `implicit`; sees sizes and hashes only, never
contents.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any

from gateway.facts import CallFinished, DecisionMade, Fact, Rewarded
from gateway.learning.reward import ImplicitWeights
from gateway.model import Decision, DecisionKind

SOON_S = 60.0
EMPTY_BYTES = 40
"""An answer this small holds an envelope and next to no content."""

BOILERPLATE_TIMES = 3
"""This many different calls in a row with answers of one size look like boilerplate."""

KEPT_AGENTS = 1000
KEPT_DECISIONS = 2000


@dataclass(slots=True)
class _Shown:
    """A decision that waits for a call of its first tool."""

    decision: Decision
    called: bool = False


class ImplicitJudge:
    """Remembers each agent's last call and each decision's first tool."""

    def __init__(self, weights: ImplicitWeights | None = None) -> None:
        self._weights = weights or ImplicitWeights()
        self._last: OrderedDict[str, CallFinished] = OrderedDict()
        self._shown: OrderedDict[str, _Shown] = OrderedDict()
        self._newest: OrderedDict[str, str] = OrderedDict()  # agent -> its newest decision
        self._sizes: dict[str, deque[tuple[int, str]]] = {}

    def see(self, fact: Fact) -> list[Rewarded]:
        """Return the judgements that this fact brings."""
        if isinstance(fact, DecisionMade):
            return self._decided(fact.decision)
        if isinstance(fact, CallFinished):
            return self._called(fact)
        return []

    def _decided(self, decision: Decision) -> list[Rewarded]:
        who = "\x1f".join((decision.agent, decision.run))
        found: list[Rewarded] = []
        if decision.kind is DecisionKind.FIND:
            last = self._last.get(who)
            if last is not None and decision.at - last.at <= SOON_S and last.outcome == "ok":
                found.append(_judge(last, decision.at, self._weights.searched_again, "searched_again"))
            found += self._ignored(self._newest.get(who), decision)
            self._newest[who] = decision.id
            _bound(self._newest, KEPT_AGENTS)
        self._shown[decision.id] = _Shown(decision)
        _bound(self._shown, KEPT_DECISIONS)
        return [one for one in found if one.weight > 0]

    def _ignored(self, decision_id: str | None, newer: Decision) -> list[Rewarded]:
        """The first tool of the search before this one was never called."""
        shown = self._shown.get(decision_id or "")
        if shown is None or shown.called or not shown.decision.shown:
            return []
        first = shown.decision.shown[0]
        return [
            Rewarded(
                id=f"imp-{shown.decision.id}-ignored_first",
                call_id=None,
                decision_id=shown.decision.id,
                at=newer.at,
                source="implicit",
                value=0.0,
                weight=self._weights.ignored_first,
                provenance="ignored_first",
                tool=first,
            )
        ]

    def _called(self, fact: CallFinished) -> list[Rewarded]:
        who = "\x1f".join((fact.agent, fact.run))
        last = self._last.get(who)
        found = [] if last is None or last.outcome != "ok" or fact.at - last.at > SOON_S else self._after(last, fact)
        if fact.outcome == "ok" and self._says_nothing(fact):
            found.append(_judge(fact, fact.at, self._weights.empty, "empty"))
        shown = self._shown.get(fact.decision_id or "")
        if shown is not None and shown.decision.shown and fact.exposed == shown.decision.shown[0]:
            shown.called = True
        self._last[who] = fact
        self._last.move_to_end(who)
        _bound(self._last, KEPT_AGENTS)
        return [one for one in found if one.weight > 0]

    def _after(self, last: CallFinished, fact: CallFinished) -> list[Rewarded]:
        if fact.exposed == last.exposed:
            changed = fact.args_hmac != last.args_hmac
            return [_judge(last, fact.at, self._weights.repeated, "repeated")] if changed else []
        same_decision = fact.decision_id is not None and fact.decision_id == last.decision_id
        shown = self._shown.get(fact.decision_id or "")
        # a list decision covers a whole session, in which different tools are called for different steps
        if not same_decision or shown is None or shown.decision.kind is DecisionKind.LIST:
            return []
        return [_judge(last, fact.at, self._weights.other_tool, "other_tool")]

    def _says_nothing(self, fact: CallFinished) -> bool:
        if fact.bytes_out < EMPTY_BYTES:
            return True
        seen = self._sizes.setdefault(fact.exposed, deque(maxlen=BOILERPLATE_TIMES))
        seen.append((fact.bytes_out, fact.args_hmac))
        sizes, arguments = {size for size, _ in seen}, {args for _, args in seen}
        return len(seen) == BOILERPLATE_TIMES and len(sizes) == 1 and len(arguments) == BOILERPLATE_TIMES


def _judge(call: CallFinished, at: float, weight: float, why: str) -> Rewarded:
    return Rewarded(
        id=f"imp-{call.call_id}-{why}",
        call_id=call.call_id,
        decision_id=call.decision_id,
        at=at,
        source="implicit",
        value=0.0,
        weight=weight,
        provenance=why,
        tool=call.exposed,
    )


def _bound(kept: OrderedDict[str, Any], limit: int) -> None:
    while len(kept) > limit:
        kept.popitem(last=False)
