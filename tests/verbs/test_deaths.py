from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from gateway.errors import NotFound
from gateway.facts import ChildExited
from gateway.model import ServerName
from gateway.store.deaths import Deaths
from gateway.verbs.deaths import deaths, deaths_now
from tests.verbs.fakes import open_shop
from tests.verbs.running import open_site

DEATH = ChildExited(1.0, ServerName("gone"), 1, None, "exited with status 1", cause="exit")


async def test_deaths_are_told_without_a_daemon_also_of_servers_that_are_no_longer_here(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await Deaths(shop.parts.db).add([DEATH, msgspec.structs.replace(DEATH, server=ServerName("other"))], {})
        everybodys = await deaths(shop.parts)
        its_own = await deaths(shop.parts, "gone", limit=1)
    assert [row["server"] for row in everybodys["deaths"]] == ["other", "gone"]
    assert [row["server"] for row in its_own["deaths"]] == ["gone"]


async def test_a_name_that_nobody_has_heard_of_is_an_error(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        assert await deaths(shop.parts) == {"deaths": []}
        with pytest.raises(NotFound):
            await deaths(shop.parts, "nowhere")


async def test_a_running_daemon_writes_what_just_happened_first(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:

        async def note() -> None:
            await Deaths(site.shop.parts.db).add([DEATH], {})

        running = replace(site.running, deaths_noted=note)
        told = await deaths_now(running, "gone")
    assert [row["reason"] for row in told["deaths"]] == ["exited with status 1"]
