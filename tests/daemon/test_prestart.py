"""From calls to starts ahead."""

from __future__ import annotations

import msgspec

from gateway.daemon.prestart import Prestarter
from gateway.facts import CallFinished, ServerForgotten
from gateway.model import ServerName
from tests.fakes import FakeClock

CALL = CallFinished(
    call_id="c", at=0.0, principal="p", agent="a", run="r", round=1, session="", profile="", server="s", tool="t",
    exposed="s__t", via="direct", decision_id=None, outcome="ok", error_code=None, latency_s=1.0, bytes_in=2,
    bytes_out=2, args_hmac="0",
)  # fmt: skip


class World:
    """A prestarter, what it started, and calls one after the other."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.clock = FakeClock()
        self.prestarter = Prestarter(self.started.append, self.clock)

    def call(self, server: str, run: str, *, outcome: str = "ok") -> None:
        self.clock.advance(2.0)
        self.prestarter(made(server, run, self.clock.wall() - 1.0, outcome))


def made(server: str, run: str, at: float, outcome: str = "ok") -> CallFinished:
    return msgspec.structs.replace(CALL, server=server, run=run, at=at, outcome=outcome)


def history(*servers: str, outcome: str = "ok") -> list[CallFinished]:
    """Three runs that call these servers in turn."""
    return [
        made(server, f"old {run}", 1000.0 * run + place, outcome)
        for run in range(3)
        for place, server in enumerate(servers)
    ]


def test_what_the_ledger_tells_is_used_from_the_first_call_on() -> None:
    world = World()
    assert world.prestarter.catch_up(history("a", "b")) == 6
    world.call("b", "new")
    assert world.started == []
    world.call("a", "new")
    assert world.started == ["b"]


def test_the_ledgers_order_does_not_matter() -> None:
    world = World()
    world.prestarter.catch_up(reversed(history("a", "b")))
    world.call("a", "new")
    assert world.started == ["b"]


def test_what_it_hears_is_learned_too() -> None:
    world = World()
    for run in range(4):
        world.call("a", f"run {run}")
        world.call("b", f"run {run}")
    assert world.started == ["b"]


def test_a_jump_of_the_calendar_changes_nothing() -> None:
    world = World()
    for run in range(3):
        world.call("a", f"run {run}")
        world.clock.jump_wall(-31_536_000.0)
        world.call("b", f"run {run}")
    world.call("a", "new")
    assert world.started == ["b"]


def test_own_tools_and_refused_calls_say_nothing() -> None:
    world = World()
    assert world.prestarter.catch_up(history("gateway", "b")) == 3
    assert world.prestarter.catch_up(history("a", "b", outcome="refused")) == 0
    world.call("gateway", "new")
    world.call("a", "new")
    assert world.started == []


def test_other_facts_are_not_its_concern() -> None:
    world = World()
    world.prestarter(ServerForgotten(0.0, ServerName("a")))
    assert world.started == []
