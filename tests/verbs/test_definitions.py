from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import NotFound
from gateway.model import ServerName
from gateway.verbs.definitions import approve, reject
from tests.verbs.fakes import Shop, open_shop

ECHO = ServerName("echo")


async def hold_a_change(shop: Shop) -> None:
    await shop.parts.definitions.pin(ECHO, {"say": ("old", '{"name":"say"}')})
    await shop.parts.definitions.hold(ECHO, {"say": ("new", '{"name":"say","title":"Say"}')})


async def test_an_approval_shows_what_changed_and_takes_effect(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await hold_a_change(shop)
        done = await approve(shop.parts, "echo")
        assert await shop.parts.definitions.pins(ECHO) == {"say": "new"}
    change = {"tool": "say", "before": {"name": "say"}, "after": {"name": "say", "title": "Say"}}
    assert done == {"server": "echo", "approved": 1, "changes": [change]}
    assert shop.refreshed == [ECHO]


async def test_a_look_before_the_approval_changes_nothing(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await hold_a_change(shop)
        told = await approve(shop.parts, "echo", dry_run=True)
        assert (told["approved"], [change["tool"] for change in told["changes"]]) == (0, ["say"])
        assert await shop.parts.definitions.pins(ECHO) == {"say": "old"}
    assert shop.refreshed == []


async def test_a_rejection_keeps_the_approved_definition(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await hold_a_change(shop)
        assert await reject(shop.parts, "echo") == {"server": "echo", "rejected": 1}
        assert await shop.parts.definitions.pins(ECHO) == {"say": "old"}
        assert await shop.parts.definitions.pending(ECHO) == {}


async def test_without_a_change_there_is_nothing_to_decide(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        for verb in (approve, reject):
            with pytest.raises(NotFound, match="echo") as caught:
                await verb(shop.parts, "echo")
            assert "status" in caught.value.fix
