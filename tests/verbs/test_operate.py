from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import UsageError
from gateway.install.planning.machine import Program
from gateway.model import Origin, ServerName, ServerSpec, StdioLaunch
from gateway.supervisor.sandbox.deciding import Ability, Host
from gateway.verbs import operate
from tests.install.values import BARE, MACHINE
from tests.verbs.fakes import URL, open_shop


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
    states = {name: check["state"] for name, check in checks.items()}
    assert states == dict.fromkeys(("node", "npm", "python", "uv", "git"), "warning") | {"bun": "ok", "docker": "ok"}
    assert "Node.js 20" in checks["node"]["fix"]
    assert "`git` program, which is not installed" in checks["git"]["message"]
    assert checks["docker"]["message"] == "not installed; only servers from container images need it"


def test_docker_is_missed_only_where_a_server_uses_it() -> None:
    client = replace(MACHINE, docker=Program("/usr/bin/docker", (28, 2, 2)))
    spec = ServerSpec(ServerName("x"), "oci:ghcr.io/a/x:1", Origin.CLI, StdioLaunch(("/usr/bin/docker", "run")))
    needed = operate.programs_used([spec])
    alone, with_server = (operate.program_checks(client, names)[-1] for names in ((), needed))
    assert (alone["state"], "its engine does not answer" in alone["message"]) == ("ok", True)
    assert (with_server["state"], "start its engine" in with_server["fix"]) == ("warning", True)
    running = operate.program_checks(replace(client, docker_engine="28.1.0"), needed)[-1]
    assert running["message"] == "28.2.2 at /usr/bin/docker, engine 28.1.0"


def test_a_program_that_is_too_old_is_told_like_a_missing_one() -> None:
    old = replace(MACHINE, node=Program("/usr/bin/node", (16, 0, 0)))
    checks = {check["name"]: check for check in operate.program_checks(old)}
    assert checks["node"]["state"] == "warning"
    assert "16.0.0" in checks["node"]["message"]
    assert checks["python"] == {"name": "python", "state": "ok", "message": "3.12.1 at /usr/bin/python3", "fix": ""}


async def test_the_doctor_says_what_a_rule_lacks_and_why(tmp_path: Path) -> None:
    lacks = {"need": "weather", "wanted": 2, "have": 1, "missing": 1, "reasons": ["acme/far wants a secret"]}
    async with open_shop(tmp_path) as shop:
        found = await operate.doctor(replace(shop.parts, vacancies=lambda: [lacks]))
    (check,) = [check for check in found["checks"] if check["name"] == "discover 'weather'"]
    assert (check["state"], check["message"]) == ("warning", "1 of 2 missing: acme/far wants a secret")
    assert check["fix"]
    assert found["ok"]


def _machine(landlock: Ability, bwrap: Ability) -> Host:
    """What a machine can to confine servers."""
    return Host(landlock, bwrap, Ability(True), 7 if landlock.works else 0, namespaces=("ipc", "net"), has_scopes=True)


@pytest.mark.parametrize(
    ("landlock", "bwrap", "state", "words"),
    [
        (True, True, "ok", "bwrap: namespaces of its own"),
        (
            True,
            False,
            "ok",
            "landlock: only its own files, and the system's to read; bwrap: it is missing; landlock has no rule for",
        ),
        (False, False, "warning", "none: installed servers run with your rights; bwrap: it is missing"),
    ],
)
def test_the_doctor_says_which_sandbox_is_in_force_and_why_not_more(
    landlock: bool, bwrap: bool, state: str, words: str
) -> None:
    able = {True: Ability(True), False: Ability(False, "it is missing", "Get it.")}
    found = operate.sandbox_check(_machine(able[landlock], able[bwrap]))
    assert (found["name"], found["state"]) == ("sandbox", state)
    assert found["message"].startswith(words)
    assert found["fix"] == ("Get it." if state == "warning" else "")
