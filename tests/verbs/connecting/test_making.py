"""A connection on its way to being usable: found, made, given values, waited for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.discovery.connect.answers import ConnectionMismatch
from gateway.discovery.connect.values import Connection, NewConnection, Status
from gateway.errors import ConnectionWaits, GatewayError, InstallError, NotFound, RegistryUnavailable, UsageError
from gateway.verbs.connecting.making import POLL_S, Wish, ensure_connection, until_connected, waits
from tests.discovery.connect.support import API
from tests.discovery.support import fail
from tests.standins.listings import KEYED_SCHEMA, UNITS_SCHEMA
from tests.verbs.connecting.shop import LOGIN, MARK, VAULT, WEATHER, Stand, open_stand

WISH = Wish("my-app", "wx", WEATHER, f"{API}/deployed/{WEATHER}", UNITS_SCHEMA, is_watched=True)
KEYED = Wish("my-app", "vault", VAULT, f"{API}/deployed/{VAULT}", KEYED_SCHEMA, is_watched=True)


async def ensure(stand: Stand, wish: Wish) -> Connection:
    return await ensure_connection(stand.shop.parts, wish, stand.shop.told.append)


async def wait(stand: Stand, wish: Wish = WISH) -> None:
    connection = await ensure(stand, wish)
    await until_connected(stand.shop.parts, wish, connection, stand.shop.told.append)


async def test_a_new_connection_says_who_made_it(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        made = await ensure(stand, WISH)
    assert made.metadata == {"managedBy": "mcp-gateway", "gateway": MARK, "server": WEATHER}
    assert stand.changes() == [("PUT", "/my-app/wx")]
    assert stand.shop.told[0]["message"] == "making the connection wx in my-app"


async def test_a_connection_of_somebody_else_to_the_same_server_is_used_as_it_is(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await stand.shop.parts.connect.put("my-app", "wx", NewConnection(server=WEATHER, metadata={"a": "b"}))
        stand.app.log.clear()
        found = await ensure(stand, WISH)
    assert (found.metadata, stand.changes()) == ({"a": "b"}, [])


async def test_a_connection_to_another_server_is_never_taken_over(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await stand.shop.parts.connect.put("my-app", "wx", NewConnection(server=VAULT))
        with pytest.raises(ConnectionMismatch, match="leads elsewhere"):
            await ensure(stand, WISH)
        assert (await stand.shop.parts.connect.get("my-app", "wx")).mcp_url == f"https://server.smithery.ai/{VAULT}"
    assert ("DELETE", "/my-app/wx") not in stand.asked()


async def test_parameters_travel_in_the_address_and_stay_when_a_header_is_given_later(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        first = await ensure(stand, replace(KEYED, values={"units": "us"}))
        second = await ensure(stand, replace(KEYED, values={"apiKey": "k"}))
    assert first.mcp_url == second.mcp_url == f"https://server.smithery.ai/{VAULT}?units=us"
    assert (first.status.state, second.status.state) == ("input_required", "connected")


async def test_what_only_the_connection_asks_for_can_be_given_by_its_name(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        made = await ensure(stand, replace(KEYED, schema={}, values={"x-api-key": "k", "units": "us"}))
    assert (made.status.state, made.mcp_url) == ("connected", f"https://server.smithery.ai/{VAULT}?units=us")


@pytest.mark.parametrize("schema", [{}, UNITS_SCHEMA])
async def test_a_value_that_nobody_asks_for_is_told(tmp_path: Path, schema: dict[str, Any]) -> None:
    async with open_stand(tmp_path) as stand:
        with pytest.raises(UsageError, match="does not ask for 'colour'"):
            await ensure(stand, replace(WISH, schema=schema, values={"colour": "red"}))


async def test_a_header_that_is_not_the_publishers_to_set_is_refused(tmp_path: Path) -> None:
    schema = {"properties": {"k": {"x-from": {"header": "Authorization"}}}}
    async with open_stand(tmp_path) as stand:
        with pytest.raises(UsageError, match="cannot be given"):
            await ensure(stand, replace(WISH, schema=schema, values={"k": "v"}))
    assert stand.changes() == []


async def test_a_service_that_knows_addresses_only_is_told_the_address(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        fail(stand.app, status=404, path="/my-app/wx", times=1)  # the look whether it is there
        fail(stand.app, status=400, path="/my-app/wx", times=1)
        made = await ensure(stand, WISH)
    assert made.mcp_url == f"{API}/deployed/{WEATHER}"


async def test_a_sign_in_is_shown_and_waited_for(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        stand.app.settings["states"] = {"wx": LOGIN}
        connection = await ensure(stand, WISH)
        stand.app.settings["states"] = {}  # while it is shown, the person signs in
        await until_connected(stand.shop.parts, WISH, connection, stand.shop.told.append)
    assert stand.shop.told[-1]["step"] == "auth_required"
    assert "https://smithery.example/in" in stand.shop.told[-1]["message"]


async def test_a_sign_in_that_does_not_happen_ends_in_what_to_do(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        stand.app.settings["states"] = {"wx": LOGIN}
        before = stand.shop.clock.now()
        with pytest.raises(ConnectionWaits) as caught:
            await wait(stand)
        spent = stand.shop.clock.now() - before
    assert (caught.value.code, caught.value.details["setup_url"]) == ("auth_required", "https://smithery.example/in")
    assert caught.value.fix == (
        "Open https://smithery.example/in in a browser and sign in, then run the same command again."
    )
    assert 60 <= spent < 60 + POLL_S
    assert len([told for told in stand.shop.told if told["step"] == "auth_required"]) == 1


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        ({"state": "error", "message": "the server is gone"}, InstallError, "the server is gone"),
        ({"state": "disconnected"}, InstallError, "within 60 s"),
        ({"state": "of another age"}, InstallError, "of another age"),
        ({"state": "input_required", "missing": {"query": ["region"]}}, ConnectionWaits, "region"),
        ({"state": "auth_required", "setupUrl": "javascript:x"}, ConnectionWaits, "sign in"),
    ],
)
async def test_every_state_that_does_not_pass_has_an_end(
    tmp_path: Path, status: dict[str, Any], kind: type[GatewayError], words: str
) -> None:
    async with open_stand(tmp_path) as stand:
        stand.app.settings["states"] = {"wx": status}
        with pytest.raises(kind, match=words) as caught:
            await wait(stand)
    assert caught.value.fix
    assert "javascript" not in caught.value.message + caught.value.fix


async def test_a_connection_that_disappears_while_waiting_is_told(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        stand.app.settings["states"] = {"wx": {"state": "disconnected"}}
        connection = await ensure(stand, WISH)
        await stand.shop.parts.connect.delete("my-app", "wx")
        with pytest.raises(NotFound):
            await until_connected(stand.shop.parts, WISH, connection, None)


async def test_a_service_that_is_away_is_told(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        fail(stand.app, status=503)
        with pytest.raises(RegistryUnavailable):
            await ensure(stand, WISH)


def test_missing_values_are_asked_for_by_the_words_a_person_can_give() -> None:
    status = Status("input_required", missing_headers=("x-api-key",), missing_query=("units", "token"))
    error = waits(status, namespace="my-app", connection="v", server=VAULT, schema=KEYED_SCHEMA)
    assert (error.missing, error.missing_secrets) == (("units",), ("apiKey", "token"))
    assert "Give --secret apiKey --set units=… --secret token" in error.fix
    assert "dashboard" in error.fix
