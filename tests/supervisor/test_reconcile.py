"""From the running set to the wanted set."""

from __future__ import annotations

import msgspec

from gateway.model import ServerName, ServerSpec, SessionScope
from gateway.supervisor.reconcile import Adopt, Replace, Start, Stop, plan
from tests.supervisor.running import spec

A, B = spec("a"), spec("b")


def named(*specs: ServerSpec) -> dict[ServerName, ServerSpec]:
    return {s.name: s for s in specs}


def test_equal_specs_are_left_alone() -> None:
    assert plan(named(A, B), named(A, B)) == []


def test_what_is_gone_is_stopped_before_what_is_new_is_started() -> None:
    assert plan(named(B), named(A)) == [Stop(A.name), Start(B)]


def test_another_command_or_scope_replaces_the_process() -> None:
    other = spec("a", "slow.py")
    scoped = msgspec.structs.replace(A, session=SessionScope.PER_AGENT)
    assert plan(named(other), named(A)) == [Replace(other)]
    assert plan(named(scoped), named(A)) == [Replace(scoped)]


def test_other_words_and_policies_keep_the_process() -> None:
    described = msgspec.structs.replace(A, description="better", required=True)
    assert plan(named(described), named(A)) == [Adopt(described)]
