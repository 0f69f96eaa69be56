"""`connect`: an account's connections, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.discovery.connect.answers import ConnectionMismatch
from gateway.errors import NotFound, RegistryUnauthorized, UsageError
from gateway.verbs import connect
from gateway.verbs.connecting.plan import CONNECT
from gateway.verbs.installing import install
from gateway.verbs.planning import Ask
from tests.discovery.support import fail
from tests.verbs.connecting.shop import LOGIN, VAULT, WEATHER, open_stand


async def test_namespaces_say_which_one_is_used(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await stand.shop.parts.connect.create_namespace("second")
        found = await connect.connect_namespaces(stand.shop.parts)
    rows = [{"name": "my-app", "chosen": True}, {"name": "second", "chosen": False}]
    assert found == {"namespaces": rows, "chosen": "my-app"}


async def test_a_connection_is_added_shown_listed_and_removed(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        parts = stand.shop.parts
        added = await connect.connect_add(parts, f"smithery:{WEATHER}", connection="wx")
        assert await connect.connect_show(parts, "wx") == added
        assert await connect.connect_list(parts) == {"namespace": "my-app", "connections": [added]}
        assert await connect.connect_remove(parts, "wx") == {"namespace": "my-app", "removed": "wx"}
        with pytest.raises(NotFound):
            await connect.connect_remove(parts, "wx")
    assert (added["id"], added["state"], added["made_here"], added["used_by"]) == ("wx", "connected", False, None)


async def test_without_an_id_smithery_makes_one_up(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        added = await connect.connect_add(stand.shop.parts, WEATHER)
        assert (await connect.connect_show(stand.shop.parts, added["id"]))["url"] == added["url"]


async def test_an_address_can_be_connected_and_its_parameters_are_not_shown(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        address = f"https://server.smithery.ai/{WEATHER}?api_key=canary"
        added = await connect.connect_add(stand.shop.parts, address, connection="wx")
    assert added["url"] == f"https://server.smithery.ai/{WEATHER}"


@pytest.mark.parametrize("name", ["ftp://x", "https://a@b", "../x", "a/b/c", ""])
async def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    async with open_stand(tmp_path) as stand:
        with pytest.raises(UsageError):
            await connect.connect_add(stand.shop.parts, name)
    assert stand.asked() == []


async def test_an_id_that_leads_elsewhere_is_replaced_only_when_that_is_said(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        parts = stand.shop.parts
        await connect.connect_add(parts, WEATHER, connection="wx")
        with pytest.raises(ConnectionMismatch):
            await connect.connect_add(parts, VAULT, connection="wx")
        replaced = await connect.connect_add(parts, VAULT, connection="wx", replace=True)
        with pytest.raises(UsageError, match="with an id"):
            await connect.connect_add(parts, VAULT, replace=True)
    assert replaced["url"].endswith(VAULT)


async def test_what_is_to_be_done_is_in_the_row(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        stand.app.settings["states"] = {"wx": LOGIN}
        row = await connect.connect_add(stand.shop.parts, WEATHER, connection="wx")
        vault = await connect.connect_add(stand.shop.parts, VAULT, connection="vault")
    assert (row["state"], row["setup_url"]) == ("auth_required", "https://smithery.example/in")
    assert (vault["state"], vault["missing"]) == ("input_required", {"headers": ["x-api-key"], "query": []})


async def test_a_connection_in_use_is_removed_with_its_server_only(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await install(stand.shop.parts, Ask(f"smithery:{WEATHER}", alias="wx", via=CONNECT))
        (row,) = (await connect.connect_list(stand.shop.parts))["connections"]
        with pytest.raises(UsageError, match="the server wx uses"):
            await connect.connect_remove(stand.shop.parts, "wx")
    assert (row["used_by"], row["made_here"]) == ("wx", True)


async def test_the_tools_behind_a_connection_are_listed(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await connect.connect_add(stand.shop.parts, WEATHER, connection="wx")
        found = await connect.connect_tools(stand.shop.parts, "wx")
    assert [tool["name"] for tool in found["tools"]] == ["get_forecast", "echo", "people.greet"]


async def test_a_list_can_be_narrowed_and_looked_for_elsewhere(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await stand.shop.parts.connect.create_namespace("second")
        await connect.connect_add(stand.shop.parts, WEATHER, connection="wx", namespace="second")
        here = await connect.connect_list(stand.shop.parts)
        there = await connect.connect_list(stand.shop.parts, namespace="second", name="wx")
        nothing = await connect.connect_list(stand.shop.parts, namespace="second", url="https://x.example")
    assert [len(found["connections"]) for found in (here, there, nothing)] == [0, 1, 0]


async def test_an_account_without_a_namespace_has_no_connections(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        fail(stand.app, body={"namespaces": []}, status=200, path="/namespaces")
        assert await connect.connect_list(stand.shop.parts) == {"namespace": None, "connections": []}
        with pytest.raises(NotFound, match="no namespace"):
            await connect.connect_show(stand.shop.parts, "wx")


async def test_without_a_key_every_verb_says_so_in_one_line(tmp_path: Path) -> None:
    async with open_stand(tmp_path, api_key="", namespace="my-app") as stand:
        parts = stand.shop.parts
        for verb in (connect.connect_show, connect.connect_add, connect.connect_remove, connect.connect_tools):
            with pytest.raises(RegistryUnauthorized, match="needs an API key"):
                await verb(parts, "x")
        for look in (connect.connect_list, connect.connect_namespaces):
            with pytest.raises(RegistryUnauthorized, match="needs an API key"):
                await look(parts)
    assert stand.asked() == []
