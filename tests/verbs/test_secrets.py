from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import NotFound, UsageError
from gateway.verbs.secrets import secret_list, secret_remove, secret_set
from tests.verbs.fakes import open_shop, spelled


async def test_a_value_goes_in_and_does_not_come_out(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        done = await secret_set(shop.parts, "echo", "API_KEY", "canary")
        listed = await secret_list(shop.parts)
        assert shop.parts.secrets.get("echo")["API_KEY"] == "canary"
        assert shop.retried == ["echo"]  # it may have been waiting for just this
    assert listed == {"secrets": [{"server": "echo", "key": "API_KEY", "kept": "file"}]}
    assert "canary" not in spelled([done, listed])


async def test_the_list_can_be_held_to_one_server(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        for server in ("echo", "time"):
            await secret_set(shop.parts, server, "KEY", "value")
        assert await secret_list(shop.parts, "time") == {"secrets": [{"server": "time", "key": "KEY", "kept": "file"}]}


async def test_a_removed_secret_is_gone(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await secret_set(shop.parts, "echo", "KEY", "value")
        assert (await secret_remove(shop.parts, "echo", "KEY"))["removed"]
        assert await secret_list(shop.parts) == {"secrets": []}
        with pytest.raises(NotFound):
            await secret_remove(shop.parts, "echo", "KEY")


@pytest.mark.parametrize(("server", "key"), [("../etc", "KEY"), ("echo", "../KEY"), ("echo", "")])
async def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, server: str, key: str) -> None:
    async with open_shop(tmp_path) as shop:
        with pytest.raises(UsageError):
            await secret_set(shop.parts, server, key, "value")
