from __future__ import annotations

import anyio

from gateway.daemon.changes import Changes
from gateway.facts import ServerForgotten, StateChanged
from gateway.model import ServerName


async def test_whoever_waits_is_woken_by_a_change() -> None:
    changes, asked = Changes(), 0

    async def holds() -> bool:
        nonlocal asked
        asked += 1
        return asked == 2

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: changes.until(holds, at_least_every_s=60))
        await anyio.wait_all_tasks_blocked()
        assert asked == 1
        changes(ServerForgotten(at=1.0, server=ServerName("a")))
        with anyio.fail_after(5):
            await anyio.wait_all_tasks_blocked()
    assert asked == 2


async def test_a_change_between_question_and_wait_is_not_missed() -> None:
    changes, asked = Changes(), 0

    async def holds() -> bool:
        nonlocal asked
        asked += 1
        if asked == 1:
            changes(ServerForgotten(at=1.0, server=ServerName("a")))
        return asked == 2

    with anyio.fail_after(5):
        await changes.until(holds, at_least_every_s=60)
    assert asked == 2


def test_a_first_start_is_decided_when_it_went_well_or_badly() -> None:
    changes = Changes()
    for server, state in (("a", "starting"), ("b", "ready"), ("c", "failed"), ("d", "backoff"), ("e", "stopped")):
        changes(StateChanged(at=1.0, server=ServerName(server), state=state, health="healthy", reason=""))
    assert changes.decided == {"b", "c", "d"}
