"""The task that installs what people approved."""

from __future__ import annotations

from pathlib import Path

import anyio

from gateway.daemon.requests import RequestDesk
from gateway.model import Caller, Source
from gateway.verbs.requests import note_wish, request_decide
from tests.verbs.fakes import open_shop, remote_listing

ANN = Caller(principal="p1", agent="ann", run="r1")
FOUND = {"registry": [remote_listing("acme/far", source=Source.REGISTRY)]}


async def test_what_was_approved_while_nothing_ran_is_installed_at_the_next_start(tmp_path: Path) -> None:
    async with open_shop(tmp_path, FOUND) as shop:
        asked = await note_wish(shop.parts, "registry:acme/far", ANN)
        await request_decide(shop.parts, asked.id, approve=True)
        await RequestDesk(shop.parts).round()
        assert [server.spec.name for server in await shop.parts.installed.all()] == ["far"]
        assert [request.state for request in await shop.parts.requests.list()] == ["installed"]


async def test_a_decision_wakes_the_desk(tmp_path: Path) -> None:
    async with open_shop(tmp_path, FOUND) as shop:
        desk = RequestDesk(shop.parts)
        asked = await note_wish(shop.parts, "registry:acme/far", ANN)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(desk.run)
            await anyio.wait_all_tasks_blocked()
            await request_decide(shop.parts, asked.id, approve=True)
            desk.decided()
            with anyio.fail_after(20):
                while (await shop.parts.requests.list())[0].state != "installed":
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
