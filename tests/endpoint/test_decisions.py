"""Decisions in force, and the ones that calls belong to."""

from __future__ import annotations

import math
from dataclasses import replace

from gateway.endpoint.decisions import MAX_KEYS, RECENT_DECISIONS, Decisions, Kept, decision_key
from gateway.model import Caller, Decision, DecisionKind

BASE = Decision(
    id="d0", kind=DecisionKind.LIST, at=0, key="k", agent="", run="", round=1, shown=("a", "b"),
    propensities=(None, None), seed=0, policy_version="v", toolset_version="t",
)  # fmt: skip


def test_a_list_is_in_force_until_its_time_is_over() -> None:
    decisions = Decisions()
    decisions.keep("k", Kept("v", b"[]", 30.0), BASE)
    assert decisions.in_force("k", "v", 29.9) is not None
    assert decisions.in_force("k", "v", 30.0) is None


def test_another_toolset_ends_a_list() -> None:
    decisions = Decisions()
    decisions.keep("k", Kept("v", b"[]", math.inf), BASE)
    assert decisions.in_force("k", "w", 0) is None


def test_a_call_belongs_to_the_newest_decision_that_showed_its_tool() -> None:
    decisions = Decisions()
    decisions.note("k", BASE)
    decisions.note("k", replace(BASE, id="d1", shown=("b", "c")))
    assert [decisions.showing("k", name) for name in "abcd"] == ["d0", "d1", "d1", None]


def test_keys_do_not_see_each_others_decisions() -> None:
    decisions = Decisions()
    decisions.note("k", BASE)
    assert decisions.showing("other", "a") is None


def test_a_session_is_a_key_of_its_own_per_profile() -> None:
    caller = Caller("p", "a", "r")
    keys = {decision_key(caller, ""), decision_key(caller, "s1"), decision_key(caller, "s2")}
    assert len(keys | {decision_key(replace(caller, profile="x"), "s1")}) == 4


def test_memory_is_bounded_per_key_and_in_keys() -> None:
    decisions = Decisions()
    for number in range(RECENT_DECISIONS + 1):
        decisions.note("k", replace(BASE, id=f"d{number}", shown=(f"t{number}",)))
    assert decisions.showing("k", "t0") is None
    for number in range(MAX_KEYS):
        decisions.note(f"k{number}", BASE)
    assert decisions.showing("k", f"t{RECENT_DECISIONS}") is None
