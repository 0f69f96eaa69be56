"""From scores to an order, and the closed-form odds of it. No I/O, no randomness of its own: a uniform is an argument.

score(tool) = relevance logit + RELIABILITY_WEIGHT * log(reliability), in float64. Not log sigmoid of the logit: where
many tools look certain a sigmoid forgets their order, and one failed call would throw the right tool behind its
neighbours.

**Order.** By score, ties by the tools' own order. Every further member of a near-duplicate family is marked down by
`REPEAT` per better member: an agent that has one of them gains little from the second. Then at most one *cold* tool
(few labels, among the static first three) is moved into a reserved place, never the first. All of this is
deterministic.

**Slot one.** With probability `bucket` a decision is an evaluation decision: its first tool is drawn from M
candidates (the learned first 12 and the static first 3) by SquareCB mixed with floors f(y):
    q(y) = 1 / (M + gamma * (v* - v(y)))  for all but the best candidate, which gets the rest;
    p(y) = f(y) + (1 - sum of f) * q(y),  v = predicted success relative to the best candidate's;
f is FLOOR, and STATIC_FLOOR for the static ranker's first tool, with which everything is compared.
The drawn tool is moved to the front, the others keep their order d_0, d_1, ...

**Propensities.** Let J be the place of the drawn tool in that order and e the probability of an evaluation decision
(`bucket`, or 1 when one is forced). Position 0 holds d_0 ordinarily, d_J in an evaluation decision; position i >= 1
holds d_i ordinarily and when J < i, else d_(i-1). So, exactly:
    P(x at 0) = (1 - e) [x = d_0] + e p(x)
    P(x at i) = (1 - e) [x = d_i] + e ([x = d_i] P(J < i) + [x = d_(i-1)] P(J >= i))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.learning.lexical import Floats
from gateway.learning.roster import Evidence, Roster
from gateway.learning.snapshot import PolicySnapshot

Ints = NDArray[np.int64]

REPEAT = float(np.log(0.25))
"""What a further near-duplicate is still worth: sometimes the first one fails and the agent tries the next."""

RELIABILITY_WEIGHT = 2.0
"""A failing tool costs a turn and the agent's trust in the list, so failing counts twice."""

FLOOR = 0.01
STATIC_FLOOR = 0.06
"""With the plain floor, 5,000 decisions hold fewer than 200 effective ones about the static ranker: too few to
compare."""

LEARNED_CANDIDATES = 12
STATIC_CANDIDATES = 3
COLD_SECOND_PLACE_N = 5
"""A tool with fewer labels than this gets the second place, one with more (but below `cold_n`) the last."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """A whole order over the roster, best first, with the numbers it came from (by roster position)."""

    order: Ints
    score: Floats  # log odds, up to a constant of the query
    relevance: Floats  # 0..1
    reliability: Floats  # 0..1


@dataclass(frozen=True, slots=True)
class Slot:
    """The odds of slot one: candidates (roster positions) and p."""

    candidates: Ints
    odds: Floats


def rank(
    roster: Roster,
    snapshot: PolicySnapshot,
    evidence: Evidence,
    rows: Ints,
    reliability: Floats,
    *,
    bonus: Floats | None = None,
    among: Ints | None = None,
) -> Ranking:
    """Order the tools of the roster, or those `among` them (positions); `bonus` is added to the log scores."""
    logits = snapshot.logits(evidence, rows)
    score = logits + RELIABILITY_WEIGHT * np.log(np.maximum(reliability, 1e-9))
    if bonus is not None:
        score = score + bonus
    return Ranking(_order(score, roster, among), score, 1.0 / (1.0 + np.exp(-logits)), reliability)


def static_order(roster: Roster, base: PolicySnapshot, evidence: Evidence, *, among: Ints | None = None) -> Ints:
    """Order the tools by the base snapshot without observations: the static ranker."""
    nothing = np.full(len(roster), -1, np.int64)
    return _order(base.logits(evidence, nothing), roster, among)


def _order(score: Floats, roster: Roster, among: Ints | None) -> Ints:
    if among is None:
        return spread(score, roster.families)
    return among[spread(score[among], roster.families[among])]


def spread(score: Floats, families: Ints) -> Ints:
    """Order by score, after marking further members of each family down."""
    first = np.argsort(-score, kind="stable")
    ranked = families[first]
    by_family = np.argsort(ranked, kind="stable")
    sorted_families = ranked[by_family]
    starts = (
        np.flatnonzero(np.r_[True, sorted_families[1:] != sorted_families[:-1]]) if len(ranked) else np.zeros(0, int)
    )
    sizes = np.diff(np.r_[starts, len(ranked)])
    if not len(sizes) or int(sizes.max()) == 1:
        return first.astype(np.int64)
    nth = np.empty(len(ranked), np.int64)
    nth[by_family] = np.arange(len(ranked)) - np.repeat(starts, sizes)
    again = np.argsort(-(score[first] + REPEAT * nth), kind="stable")
    return first[again].astype(np.int64)


def reserve_cold(order: Ints, static: Ints, *, counts: Ints, young: NDArray[np.bool_], k: int, cold_n: int) -> Ints:
    """Move the best young tool of the static first three that is not shown early enough into a reserved place."""
    if k < 2:
        return order
    for tool in static[:STATIC_CANDIDATES].tolist():
        if not young[tool] or counts[tool] >= cold_n:
            continue
        place = 1 if counts[tool] < COLD_SECOND_PLACE_N else min(k, len(order)) - 1
        now = int(np.flatnonzero(order == tool)[0])
        if now > place:
            without = np.delete(order, now)
            return np.insert(without, place, tool)
        return order
    return order


def slot_odds(ranking: Ranking, static: Ints, gamma: float) -> Slot:
    """Return the closed-form odds of slot one in an evaluation decision."""
    best = ranking.order[:LEARNED_CANDIDATES]
    candidates = np.array(list(dict.fromkeys([*best.tolist(), *static[:STATIC_CANDIDATES].tolist()])), np.int64)
    m = len(candidates)
    score = ranking.score[candidates]
    value = np.exp(score - score.max())
    q = 1.0 / (m + gamma * (1.0 - value))
    top = int(np.argmax(value))
    q[top] = 1.0 - (q.sum() - q[top])
    floors = np.where(candidates == static[0], STATIC_FLOOR, FLOOR)
    return Slot(candidates, floors + (1.0 - floors.sum()) * q)


def draw(slot: Slot, uniform: float) -> int:
    """Return the candidate that a uniform number in [0, 1) falls on."""
    at = int(np.searchsorted(np.cumsum(slot.odds), uniform, side="right"))
    return int(slot.candidates[min(at, len(slot.candidates) - 1)])


def to_front(order: Ints, tool: int) -> Ints:
    """Move one tool to the front; the others keep their order."""
    return np.concatenate([[tool], order[order != tool]]).astype(np.int64)


def propensities(order: Ints, shown: Ints, slot: Slot, evaluation: float) -> list[float]:
    """Return P(shown[i] stands at position i), where `order` is the ordinary order and `evaluation` is e above."""
    place = np.zeros(int(order.max(initial=-1)) + 1, np.int64)
    place[order] = np.arange(len(order))
    drawn = np.zeros(len(order) + 1)
    drawn[place[slot.candidates]] = slot.odds
    below = np.concatenate([[0.0], np.cumsum(drawn)])  # below[i] = P(J < i)
    odds = dict(zip(slot.candidates.tolist(), slot.odds.tolist(), strict=True))
    made: list[float] = []
    for i, tool in enumerate(shown.tolist()):
        stays = tool == order[i]
        if i == 0:
            p = (1.0 - evaluation) * stays + evaluation * odds.get(tool, 0.0)
        else:
            moved = tool == order[i - 1]
            p = (1.0 - evaluation) * stays + evaluation * (stays * below[i] + moved * (1.0 - below[i]))
        made.append(min(1.0, float(p)))
    return made


def exploration(observations: float) -> float:
    """Return SquareCB's gamma: exploration shrinks with the square root of what was seen."""
    return GAMMA * float(np.sqrt((observations + 200.0) / 1000.0))


GAMMA = 100.0
"""Small enough that the evaluation bucket sees the static ranker's first choice often; it is a tenth of the
decisions."""
