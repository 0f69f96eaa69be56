"""From the running set to the wanted set."""

from __future__ import annotations

import msgspec

from gateway.model import ResourceLimits, SandboxPolicy, ServerName, ServerSpec, SessionScope, StartPolicy
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


def test_what_holds_for_a_process_from_its_start_replaces_it() -> None:
    confined = msgspec.structs.replace(A, sandbox=SandboxPolicy(level="landlock"))
    limited = msgspec.structs.replace(A, limits=ResourceLimits(memory_max_bytes=1 << 30))
    assert plan(named(confined), named(A)) == [Replace(confined)]
    assert plan(named(limited), named(A)) == [Replace(limited)]


def test_how_long_it_may_run_and_when_it_is_started_can_change_while_it_runs() -> None:
    shorter = msgspec.structs.replace(A, limits=ResourceLimits(runtime_max_sec=60.0))
    resting = msgspec.structs.replace(A, start=StartPolicy(lazy=True, idle_stop_sec=60.0))
    assert plan(named(shorter), named(A)) == [Adopt(shorter)]
    assert plan(named(resting), named(A)) == [Adopt(resting)]


def test_other_words_and_policies_keep_the_process() -> None:
    described = msgspec.structs.replace(A, description="better", required=True)
    assert plan(named(described), named(A)) == [Adopt(described)]


def test_required_servers_come_first_and_the_rest_keeps_its_order() -> None:
    z, y = msgspec.structs.replace(spec("z"), required=True), msgspec.structs.replace(spec("y"), required=True)
    assert plan(named(B, z, A, y), {}) == [Start(z), Start(y), Start(B), Start(A)]


def test_another_start_policy_keeps_the_process() -> None:
    sleepy = msgspec.structs.replace(A, start=StartPolicy(lazy=True, idle_stop_sec=1.0, keep_warm=2, prestart=True))
    assert plan(named(sleepy), named(A)) == [Adopt(sleepy)]
