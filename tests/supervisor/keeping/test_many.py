"""Fifty servers at once: the order of their starts, those that hang, and their common end. Real processes."""

from __future__ import annotations

import time
from functools import partial

import psutil
import pytest

from gateway.facts import StateChanged
from gateway.model import HealthPolicy, Origin, ServerName, ServerSpec, StdioLaunch
from gateway.supervisor.keeping.slots import PATIENCE_S
from tests.supervisor.running import SERVERS, Heard, supervised

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

MANY = 50
END_S = 15.0  # what is promised; three rungs of a second each and half a hundred processes need far less
DEAF = f"trap '' TERM; . {SERVERS / 'tiny.sh'}; while :; do sleep 600; done"


def tiny(name: str, *, required: bool = False) -> ServerSpec:
    return made(name, "/bin/sh", str(SERVERS / "tiny.sh"), required=required)


def made(name: str, *argv: str, required: bool = False) -> ServerSpec:
    return ServerSpec(
        name=ServerName(name),
        from_="command",
        origin=Origin.CONFIG,
        launch=StdioLaunch(argv, env={"PATH": "/usr/bin:/bin"}),
        health=HealthPolicy(stop_timeout_sec=1.0),
        required=required,
    )


def order(heard: Heard, state: str) -> list[str]:
    return [fact.server for fact in heard.facts if isinstance(fact, StateChanged) and fact.state == state]


def order_of_pids(heard: Heard) -> list[str]:
    """The servers as their processes were started one after the other."""
    ready = (fact for fact in heard.facts if isinstance(fact, StateChanged) and fact.state == "ready")
    return [fact.server for fact in sorted(ready, key=lambda fact: fact.pid or 0)]


async def all_ready(heard: Heard, count: int) -> None:
    """Wait for so many to be ready: as long as there is one more every `PATIENCE_S`."""
    for reached in range(count):
        await heard.until(partial(_more_than, heard, reached))


def _more_than(heard: Heard, reached: int) -> bool:
    return len(set(order(heard, "ready"))) > reached


async def test_required_servers_start_first_the_rest_in_its_order_and_all_end_the_other_way_round() -> None:
    specs = [tiny(f"s{n:02}", required=n in {31, 7}) for n in range(MANY)]
    async with supervised(*specs) as (_, heard):
        await all_ready(heard, MANY)
        wanted = ["s07", "s31", *(spec.name for spec in specs if not spec.required)]
        assert order(heard, "starting") == wanted == order_of_pids(heard)
    assert order(heard, "stopping") == wanted[::-1]
    assert len(order(heard, "stopped")) == MANY


async def test_fifty_deaf_servers_end_together_in_time() -> None:
    specs = [made(f"d{n:02}", "/bin/sh", "-c", DEAF) for n in range(MANY)]
    async with supervised(*specs) as (supervisor, heard):
        await all_ready(heard, MANY)
        pids = [row["pid"] for row in supervisor.status()]
        began = time.monotonic()
    took_s = time.monotonic() - began
    assert len(pids) == MANY
    assert None not in pids
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert took_s < END_S


async def test_servers_that_hang_do_not_stop_the_good_ones() -> None:
    hanging = [made(f"h{n}", "/bin/sleep", "600", required=True) for n in range(4)]  # they take all slots first
    async with supervised(*hanging, *(tiny(f"s{n:02}") for n in range(10))) as (supervisor, heard):
        began = time.monotonic()
        await all_ready(heard, 10)
        assert time.monotonic() - began >= PATIENCE_S
        assert {name for name, state in supervisor.states().items() if state == "starting"} == {"h0", "h1", "h2", "h3"}
