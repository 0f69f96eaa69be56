from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config import Config, load_config
from gateway.config.registries import SmitherySection
from gateway.config.server import ServerSection
from gateway.errors import UsageError
from gateway.install.planning.machine import Program
from gateway.model import Origin
from gateway.verbs import operate
from gateway.verbs.installing import install
from gateway.verbs.planning import Ask
from tests.install.values import BARE, MACHINE
from tests.verbs.fakes import URL, bundle, open_shop, spelled

CONFIG = Config(
    server=(ServerSection(name="own", command=("own-server", "--fast"), env={"A": "1"}),),
    smithery=SmitherySection(api_key="canary-key"),
)


async def test_the_shown_configuration_reads_back_and_names_every_server(tmp_path: Path) -> None:
    async with open_shop(tmp_path, config=CONFIG) as shop:
        ask = Ask(f"mcpb:{bundle(tmp_path, wants_key=True)}", secrets={"apiKey": "canary-secret"})
        await install(shop.parts, ask)
        shown = await operate.config_show(shop.parts)
    config = load_config(shown["toml"])
    assert [(server.name, server.from_, server.secrets) for server in config.server] == [
        ("echo", f"mcpb:{tmp_path}/echo.mcpb", ("apiKey",)),
        ("own", "", ()),
    ]
    assert config.server[1] == CONFIG.server[0]
    assert "canary" not in spelled(shown)
    assert shown["file"] == str(tmp_path / "config.toml")


async def test_pasting_the_shown_configuration_asks_for_no_new_install(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", "mine"))
        before = await shop.wanted()
        shop.config = load_config((await operate.config_show(shop.parts))["toml"])
        after = await shop.wanted()
    assert before == after


async def test_a_block_of_the_file_is_shown_as_it_stands_there(tmp_path: Path) -> None:
    section = ServerSection(name="echo", from_=f"mcpb:{tmp_path}/echo.mcpb", required=True)
    async with open_shop(tmp_path, config=Config(server=(section,))) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", origin=Origin.CONFIG))
        shown = await operate.config_show(shop.parts)
    assert load_config(shown["toml"]).server == (section,)


async def test_the_massgen_block_names_our_address_and_agents(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        block = await operate.massgen_block(shop.parts, ["ann", "bob"])
        token = shop.parts.tokens.load("token").value
    assert block["url"] == URL
    assert all(word in block["yaml"] for word in ("gateway", "ann", "bob", URL))
    assert str(shop.root / "token") in block["yaml"]
    assert token not in block["yaml"]


async def test_a_token_is_shown_with_its_file(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shown = await operate.token_show(shop.parts)
        admin = await operate.token_show(shop.parts, "admin-token")
    assert (shown["which"], shown["file"]) == ("token", str(shop.root / "token"))
    assert (shop.root / "token").read_text() == shown["token"] != admin["token"]


async def test_a_rotated_token_is_another_one_from_now_on(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        before = await operate.token_show(shop.parts)
        rotated = await operate.token_rotate(shop.parts)
        assert await operate.token_show(shop.parts) == rotated
    assert rotated["token"] != before["token"]


async def test_there_are_two_tokens_only(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        for verb in (operate.token_show, operate.token_rotate):
            with pytest.raises(UsageError, match="third"):
                await verb(shop.parts, "third")


async def test_the_doctor_looks_at_programs_store_and_sources(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": []}) as shop:
        found = await operate.doctor(shop.parts)
    states = {check["name"]: check["state"] for check in found["checks"]}
    assert found["ok"]
    assert states["node"] == states["store"] == states["store writable"] == states["source smithery"] == "ok"
    assert all(bool(check["fix"]) != (check["state"] == "ok") for check in found["checks"])


async def test_a_store_that_cannot_be_written_fails_the_doctor(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await shop.parts.db.execute(
            "CREATE TRIGGER no BEFORE UPDATE ON migrations BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        found = await operate.doctor(shop.parts)
    assert not found["ok"]
    assert [check["name"] for check in found["checks"] if check["state"] == "failed"] == ["store writable"]


def test_a_bare_machine_is_told_what_to_install() -> None:
    checks = {check["name"]: check for check in operate.program_checks(BARE)}
    assert {check["state"] for check in checks.values()} == {"warning"}
    assert "Node.js 20" in checks["node"]["fix"]
    assert checks["git"]["message"] == "git is not installed"


def test_a_program_that_is_too_old_is_told_like_a_missing_one() -> None:
    old = replace(MACHINE, node=Program("/usr/bin/node", (16, 0, 0)))
    checks = {check["name"]: check for check in operate.program_checks(old)}
    assert checks["node"]["state"] == "warning"
    assert "16.0.0" in checks["node"]["message"]
    assert checks["python"] == {"name": "python", "state": "ok", "message": "3.12.1 at /usr/bin/python3", "fix": ""}
