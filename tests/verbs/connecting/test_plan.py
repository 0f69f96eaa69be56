"""Installing through Connect: what is planned, what is stored, and what goes with a server that is removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.install import InstallSection
from gateway.discovery.connect.badge import HEADER
from gateway.discovery.connect.values import NewConnection
from gateway.errors import ConnectionWaits, NotFound, RefusedByPolicy, RegistryUnauthorized, UsageError
from gateway.install.planning.settings import SettingsError
from gateway.model import Origin, RemoteLaunch, ServerName
from gateway.verbs.connecting.plan import CONNECT, DIRECT, via_of
from gateway.verbs.installing import install
from gateway.verbs.planning import Ask
from gateway.verbs.removing import remove
from gateway.verbs.showing import config_show
from gateway.verbs.upgrading import upgrade
from tests.discovery.connect.support import API, KEY
from tests.discovery.support import fail
from tests.verbs.connecting.shop import BUNDLE, LOGIN, MARK, VAULT, WEATHER, open_stand
from tests.verbs.fakes import spelled

NAME = ServerName("weather-http")


def through(name: str, **more: object) -> Ask:
    return Ask(f"smithery:{name}", via=CONNECT, **more)  # type: ignore[arg-type]


async def test_an_installed_server_is_reached_at_its_connection(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        done = await install(stand.shop.parts, through(WEATHER))
        kept = await stand.shop.parts.installed.get(NAME)
        made = await stand.shop.parts.connect.get("my-app", NAME)
    assert kept is not None
    assert kept.spec.launch == RemoteLaunch(f"{API}/connect/my-app/weather-http/mcp", {"Authorization": HEADER})
    assert (via_of(kept.spec), kept.spec.from_) == (CONNECT, f"smithery:{WEATHER}")
    assert made.metadata == {"managedBy": "mcp-gateway", "gateway": MARK, "server": WEATHER}
    step = {"step": "connect", "namespace": "my-app", "connection": "weather-http", "server": WEATHER}
    assert done["plan"]["steps"] == [step]


async def test_the_key_stands_in_nothing_that_is_kept_or_shown(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        done = await install(stand.shop.parts, through(WEATHER), progress=stand.shop.told.append)
        shown = await config_show(stand.shop.parts)
        rows = await stand.shop.parts.db.fetch("SELECT body FROM installed")
        mark = stand.shop.parts.badge.with_mark({})["smithery-connect"]
        everything = spelled([done, shown, stand.shop.told, str(rows)]) + str(stand.shop.files())
    assert KEY not in everything
    assert mark not in everything
    assert 'via = "connect"' in shown["toml"]


async def test_a_dry_run_makes_nothing(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        done = await install(stand.shop.parts, through(WEATHER), dry_run=True)
        assert await stand.shop.parts.installed.all() == []
    assert done["plan"]["launch"]["headers"] == {"Authorization": HEADER}
    assert stand.changes() == []


async def test_the_same_command_again_finds_the_connection(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await install(stand.shop.parts, through(WEATHER))
        stand.app.log.clear()
        await install(stand.shop.parts, through(WEATHER))
    assert stand.changes() == []


async def test_an_upgrade_keeps_the_way_and_the_place(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await install(stand.shop.parts, through(WEATHER))
        stand.app.log.clear()
        done = await upgrade(stand.shop.parts, NAME)
        kept = await stand.shop.parts.installed.get(NAME)
    assert [row["name"] for row in done["unchanged"]] == [NAME]
    assert kept is not None
    assert via_of(kept.spec) == CONNECT
    assert stand.changes() == []


async def test_what_was_installed_directly_changes_its_way(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await install(stand.shop.parts, Ask(f"smithery:{WEATHER}"))
        before = await stand.shop.parts.installed.get(NAME)
        await install(stand.shop.parts, through(WEATHER))
        after = await stand.shop.parts.installed.get(NAME)
    assert before is not None
    assert after is not None
    assert (via_of(before.spec), via_of(after.spec)) == (DIRECT, CONNECT)


async def test_given_values_travel_to_connect_and_secrets_are_kept_as_secrets(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        ask = through(VAULT, settings={"units": "us"}, secrets={"apiKey": "canary-1"})
        done = await install(stand.shop.parts, ask)
        made = await stand.shop.parts.connect.get("my-app", "vault-http")
        kept = await stand.shop.parts.installed.get(ServerName("vault-http"))
        assert dict(stand.shop.parts.secrets.get("vault-http")) == {"apiKey": "canary-1"}
    assert (made.status.state, made.mcp_url) == ("connected", "https://server.smithery.ai/acme/vault-http?units=us")
    assert kept is not None
    assert (kept.settings, kept.secret_keys) == ({"units": "us"}, ("apiKey",))
    assert "canary-1" not in spelled(done)


async def test_a_value_that_the_schema_refuses_is_told_before_anything_is_made(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        with pytest.raises(SettingsError, match="units"):
            await install(stand.shop.parts, through(WEATHER, settings={"units": {"a": 1}}))
    assert stand.changes() == []


async def test_missing_values_end_in_what_to_give_and_the_same_command_goes_on(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        with pytest.raises(ConnectionWaits) as caught:
            await install(stand.shop.parts, through(VAULT))
        assert await stand.shop.parts.installed.all() == []
        await install(stand.shop.parts, through(VAULT, secrets={"apiKey": "k"}))
    waits = caught.value
    assert (waits.code, waits.missing_secrets, waits.setup_url) == (
        "input_required", ("apiKey",), "https://acme.example/setup",
    )  # fmt: skip
    assert "--secret apiKey" in waits.fix


async def test_a_configured_namespace_that_is_not_there_is_made(tmp_path: Path) -> None:
    async with open_stand(tmp_path, namespace="team") as stand:
        await install(stand.shop.parts, through(WEATHER))
        assert await stand.shop.parts.connect.namespaces() == ("my-app", "team")
        kept = await stand.shop.parts.installed.get(NAME)
    assert kept is not None
    assert isinstance(kept.spec.launch, RemoteLaunch)
    assert "/connect/team/" in kept.spec.launch.url


async def test_an_account_without_a_namespace_gets_one(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        fail(stand.app, body={"namespaces": []}, status=200, path="/namespaces", times=2)
        await install(stand.shop.parts, through(WEATHER))
        kept = await stand.shop.parts.installed.get(NAME)
    assert ("POST", "/namespaces") in stand.asked()
    assert kept is not None
    assert isinstance(kept.spec.launch, RemoteLaunch)
    assert "/connect/made-" in kept.spec.launch.url


async def test_a_server_stays_where_it_is_when_another_namespace_comes_first(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await install(stand.shop.parts, through(WEATHER))
        body = {"namespaces": [{"name": "newer"}, {"name": "my-app"}]}
        fail(stand.app, body=body, status=200, path="/namespaces")
        stand.app.log.clear()
        await install(stand.shop.parts, through(WEATHER))
    assert {path.split("/")[1] for _, path in stand.asked()} <= {"my-app"}


async def test_without_a_key_there_is_one_line_and_no_request(tmp_path: Path) -> None:
    async with open_stand(tmp_path, api_key="") as stand:
        with pytest.raises(RegistryUnauthorized, match="needs an API key") as caught:
            await install(stand.shop.parts, through(WEATHER))
    assert "SMITHERY_API_KEY" in caught.value.fix
    assert (caught.value.exit_status, stand.asked()) == (1, [])


@pytest.mark.parametrize(
    ("name", "words"), [(f"smithery:{BUNDLE}", "runs on this machine"), ("npm:x@1.0.0", "not a server of Smithery")]
)
async def test_what_does_not_run_elsewhere_is_not_reached_through_connect(
    tmp_path: Path, name: str, words: str
) -> None:
    async with open_stand(tmp_path) as stand:
        with pytest.raises(UsageError, match=words):
            await install(stand.shop.parts, Ask(name, via=CONNECT))


async def test_the_operators_rules_hold_here_too(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        stand.shop.config = type(stand.shop.config)(
            smithery=stand.shop.config.smithery, install=InstallSection(deny=("smithery:acme/*",))
        )
        with pytest.raises(RefusedByPolicy):
            await install(stand.shop.parts, through(WEATHER))
    assert stand.changes() == []


async def test_removing_a_server_removes_the_connection_that_was_made_for_it(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await install(stand.shop.parts, through(WEATHER))
        done = await remove(stand.shop.parts, NAME)
        assert await stand.shop.parts.connect.find("my-app", NAME) is None
    assert done["warnings"] == []


async def test_a_connection_that_somebody_else_made_stays(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await stand.shop.parts.connect.put("my-app", NAME, NewConnection(server=WEATHER, metadata={"userId": "u1"}))
        await install(stand.shop.parts, through(WEATHER))
        done = await remove(stand.shop.parts, NAME)
        left = await stand.shop.parts.connect.get("my-app", NAME)
    assert left.metadata == {"userId": "u1"}
    assert "was not made here" in done["warnings"][0]


async def test_a_connection_that_cannot_be_removed_is_said_and_the_server_is_gone(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        await install(stand.shop.parts, through(WEATHER))
        fail(stand.app, status=503, path="/my-app")
        done = await remove(stand.shop.parts, NAME)
        assert await stand.shop.parts.installed.all() == []
    assert "mcp-gateway connect remove weather-http" in done["warnings"][0]


async def test_a_wanted_sign_in_of_an_unwatched_install_is_told_at_once(tmp_path: Path) -> None:

    async with open_stand(tmp_path) as stand:
        stand.app.settings["states"] = {WEATHER: LOGIN}
        before = stand.shop.clock.now()
        with pytest.raises(ConnectionWaits, match=r"https://smithery\.example/in"):
            await install(stand.shop.parts, through(WEATHER, alias="wx", origin=Origin.CONFIG))
        assert stand.shop.clock.now() == before


async def test_an_unknown_server_is_not_found(tmp_path: Path) -> None:
    async with open_stand(tmp_path) as stand:
        with pytest.raises(NotFound):
            await install(stand.shop.parts, through("acme/nothing"))
