"""What a call or a judgement teaches: ledger words into labels, and how much each label weighs. No I/O.

Errors and timeouts speak of a tool's reliability, usefulness speaks of its relevance; the two are never mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.model import CallOutcome


class Label(StrEnum):
    """What `Selector.observe` understands."""

    OK = "ok"
    USELESS = "useless"
    ERROR = "error"
    TIMEOUT = "timeout"

    @property
    def ran(self) -> bool:
        """Whether the tool did run, usefully or not."""
        return self in (Label.OK, Label.USELESS)


_OF_OUTCOME: dict[CallOutcome, Label | None] = {
    CallOutcome.OK: Label.OK,
    CallOutcome.TOOL_ERROR: Label.ERROR,
    CallOutcome.GONE: Label.ERROR,
    CallOutcome.TIMEOUT: Label.TIMEOUT,
    CallOutcome.REFUSED: None,
    CallOutcome.CANCELLED: None,
    CallOutcome.BUSY: None,
}


def label_of(outcome: str) -> Label | None:
    """Map a ledger outcome to a label; None when it says nothing about the tool. Raises: ValueError if unknown."""
    return _OF_OUTCOME[CallOutcome(outcome)]


RATING_WEIGHT = 3.0
"""An explicit usefulness counts this often; the default (it ran, so it helped) counts once."""


@dataclass(frozen=True, slots=True)
class ImplicitWeights:
    """How much each implicit signal counts (0 switches it off)."""

    empty: float = 0.3  # the answer was empty or the same boilerplate as before
    searched_again: float = 0.2  # the same agent searched again soon
    other_tool: float = 0.2  # it soon called another tool of the same decision
    repeated: float = 0.2  # it soon made the same call with changed arguments
    ignored_first: float = 0.1  # shown first, never called


@dataclass(frozen=True, slots=True)
class Lesson:
    """One training example's labels. `useful` None: nothing is said about relevance."""

    useful: float | None
    weight: float
    chosen: float  # weight of "this tool was the right one among all", the softmax part


CHOICE_WEIGHT = 0.5
"""A call that failed, of a tool that the agent picked from below better-placed ones: the pick itself says it was
relevant."""


def lesson(label: Label, usefulness: float | None, place: int | None, weight: float = 1.0) -> Lesson | None:
    """Turn a label into a lesson about relevance, or None if it teaches none.

    `place` is where the tool stood in the list (None: it was not shown). `usefulness` (0..1) overrides the default.
    """
    picked = place is not None and place > 0
    if not label.ran:
        return Lesson(None, 0.0, CHOICE_WEIGHT * weight) if picked else None
    useful = usefulness if usefulness is not None else float(label is Label.OK)
    return Lesson(useful, weight, weight * useful)


def call_reward(label: Label, usefulness: float | None, latency_s: float | None, cost_share: float = 0.0) -> float:
    """Return one call's reward in [-0.6, 1] for evaluation: usefulness, less shaping for time, cost and timeouts."""
    useful = 0.0 if not label.ran else usefulness if usefulness is not None else float(label is Label.OK)
    slow = 0.2 * min((latency_s or 0.0) / 10.0, 1.0)
    return useful - slow - 0.1 * min(cost_share, 1.0) - 0.3 * (label is Label.TIMEOUT)
