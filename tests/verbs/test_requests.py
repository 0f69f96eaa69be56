"""What agents want installed, and what people say to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config
from gateway.config.install import InstallSection
from gateway.errors import NotFound, RefusedByPolicy, UsageError
from gateway.model import Caller, Origin, Source
from gateway.store.requests import Request
from gateway.verbs.requests import (
    DENIED_FOR_S,
    MOST_WAITING_OF_ONE,
    MOST_WAITING_OF_PRINCIPAL,
    carry_out,
    key_of,
    note_wish,
    request_decide,
    requests,
)
from tests.verbs.fakes import Shop, open_shop, remote_listing

ANN = Caller(principal="p1", agent="ann", run="r1")
NAMES = [f"acme/far{n}" for n in range(MOST_WAITING_OF_ONE + 1)]
FOUND = {"registry": [remote_listing(name, source=Source.REGISTRY) for name in NAMES]}


async def wish(shop: Shop, name: str = NAMES[0], caller: Caller = ANN) -> Request:
    """An agent's wish."""
    return await note_wish(shop.parts, f"registry:{name}", caller)


async def test_a_wish_waits_and_says_what_would_be_installed(tmp_path: Path) -> None:
    async with open_shop(tmp_path, FOUND) as shop:
        asked = await wish(shop)
        (row,) = (await requests(shop.parts))["requests"]
        assert (row["id"], row["state"], row["agent"], row["run"]) == (asked.id, "pending", "ann", "r1")
        assert "registry:acme/far0" in row["message"]
        assert await shop.parts.installed.all() == []


async def test_the_same_wish_again_is_the_same_request(tmp_path: Path) -> None:
    async with open_shop(tmp_path, FOUND) as shop:
        first = await wish(shop)
        assert await wish(shop, caller=Caller("p2", "bob", "r2")) == first
        assert len((await requests(shop.parts))["requests"]) == 1


async def test_a_yes_wakes_the_installer_and_is_carried_out_in_the_agents_name(tmp_path: Path) -> None:
    async with open_shop(tmp_path, FOUND) as shop:
        asked = await wish(shop)
        decided = await request_decide(shop.parts, asked.id, approve=True)
        assert (decided["request"]["state"], shop.decided) == ("approved", 1)
        (approved,) = await shop.parts.requests.list("approved")
        done = await carry_out(shop.parts, approved)
        (installed,) = await shop.parts.installed.all()
    assert (done.state, installed.spec.origin) == ("installed", Origin.AGENT)
    assert "far0" in done.message


async def test_what_cannot_be_installed_after_all_says_why_and_may_be_approved_again(tmp_path: Path) -> None:
    async with open_shop(tmp_path, FOUND) as shop:
        asked = await wish(shop)
        shop.try_out.broken.add("far0")
        await request_decide(shop.parts, asked.id, approve=True)
        (approved,) = await shop.parts.requests.list("approved")
        failed = await carry_out(shop.parts, approved)
        assert failed.state == "failed"
        assert "does not start" in failed.message
        again = await request_decide(shop.parts, asked.id, approve=True)
        assert again["request"]["state"] == "approved"


async def test_a_no_holds_for_a_while(tmp_path: Path) -> None:
    async with open_shop(tmp_path, FOUND) as shop:
        asked = await wish(shop)
        await request_decide(shop.parts, asked.id, approve=False)
        with pytest.raises(RefusedByPolicy, match="a person refused"):
            await wish(shop)
        shop.clock.advance(DENIED_FOR_S + 1)
        assert (await wish(shop)).state == "pending"


async def test_one_agent_cannot_bury_a_person_under_requests(tmp_path: Path) -> None:
    async with open_shop(tmp_path, FOUND) as shop:
        for name in NAMES[:MOST_WAITING_OF_ONE]:
            await wish(shop, name)
        with pytest.raises(RefusedByPolicy, match="too many of your requests"):
            await wish(shop, NAMES[-1])
        await wish(shop, NAMES[-1], Caller("p1", "bob", "r1"))


@pytest.mark.parametrize("name", ["../../etc", "a;id", "npm:left-pad@latest", "git+https://a.example/x", "-e"])
async def test_a_name_that_is_none_is_refused_at_once(tmp_path: Path, name: str) -> None:
    async with open_shop(tmp_path, FOUND) as shop:
        with pytest.raises(UsageError):
            await note_wish(shop.parts, name, ANN)
        assert await shop.parts.requests.list() == []


async def test_what_is_unknown_or_denied_by_the_rules_never_reaches_a_person(tmp_path: Path) -> None:
    config = Config(install=InstallSection(deny=("registry:acme/far1",)))
    async with open_shop(tmp_path, FOUND, config=config) as shop:
        with pytest.raises(NotFound):
            await wish(shop, "acme/nowhere")
        with pytest.raises(RefusedByPolicy):
            await wish(shop, "acme/far1")
        assert await shop.parts.requests.list() == []


async def test_what_is_decided_cannot_be_decided_again(tmp_path: Path) -> None:
    async with open_shop(tmp_path, FOUND) as shop:
        asked = await wish(shop)
        await request_decide(shop.parts, asked.id, approve=False)
        with pytest.raises(UsageError, match="denied already"):
            await request_decide(shop.parts, asked.id, approve=True)
        with pytest.raises(NotFound):
            await request_decide(shop.parts, "r-none", approve=True)
        with pytest.raises(UsageError, match="no state"):
            await requests(shop.parts, "lost")


SPELLINGS = [
    "acme/far0",
    "smithery:acme/far0",
    "registry:acme/far0",
    "@acme/far0",
    "Acme/far0",
    "registry:acme/far0@1.0.0",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_no_and_a_waiting_wish_hold_for_every_spelling(tmp_path: Path, spelling: str) -> None:
    async with open_shop(tmp_path, FOUND) as shop:
        asked = await wish(shop)
        assert await note_wish(shop.parts, spelling, ANN) == asked
        await request_decide(shop.parts, asked.id, approve=False)
        with pytest.raises(RefusedByPolicy, match="a person refused"):
            await note_wish(shop.parts, spelling, ANN)


async def test_a_wish_is_kept_with_who_asked_and_which_server_is_meant(tmp_path: Path) -> None:
    found = {"registry": [remote_listing("acme/real", source=Source.REGISTRY)]}
    async with open_shop(tmp_path, found) as shop:
        asked = await note_wish(shop.parts, "registry:acme/real", ANN)
        assert (asked.name, asked.key, asked.principal) == ("registry:acme/real", "acme/real", "p1")
        assert await shop.parts.requests.get(asked.id) == asked


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pypi:My_Server==1.0", "pypi:my-server[extra]"),
        ("npm:@a/b@1.0.0", "npm:@a/b"),
        ("mcpb:https://x.example/b.mcpb#sha256=" + "a" * 64, "mcpb:https://x.example/b.mcpb"),
        ("starter:time", "time"),
    ],
)
def test_each_spelling_and_version_has_one_key(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)
    assert key_of("npm:@a/b") != key_of("npm:b")
    assert key_of("npm:x") != key_of("pypi:x")


async def test_many_agent_names_of_one_principal_have_one_bound(tmp_path: Path) -> None:
    names = [f"acme/much{n}" for n in range(MOST_WAITING_OF_PRINCIPAL + 1)]
    found = {"registry": [remote_listing(name, source=Source.REGISTRY) for name in names]}
    async with open_shop(tmp_path, found) as shop:
        for n, name in enumerate(names[:-1]):
            await wish(shop, name, Caller("p1", f"agent{n}", "r"))
        with pytest.raises(RefusedByPolicy, match="too many of your requests"):
            await wish(shop, names[-1], Caller("p1", "fresh", "r"))
        await wish(shop, names[-1], Caller("p2", "fresh", "r"))


async def test_the_version_is_told_once(tmp_path: Path) -> None:
    async with open_shop(tmp_path, FOUND) as shop:
        asked = await note_wish(shop.parts, "npm:left-pad@1.3.0", ANN)
    assert asked.message.count("1.3.0") == 1
