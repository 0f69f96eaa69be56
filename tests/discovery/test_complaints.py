"""What users of the registry complain of, as far as finding is concerned: impossible here, or one clear line.

| complaint | here |
|---|---|
| 1 listings whose server is gone | said by the listing: no way to connect to it |
| 2 "Server not found" for a documented name | says so with the nearest names, and what to do |
| 3 "No connection configuration found" | the same line as 1, before anything is downloaded |
| 4 hangs for ever at "Resolving" | every question has a deadline; what is remembered serves, the next one is quick |
| 7 502 with a web page | one line without the page; old answers serve; who must act is said |
| 11 the key is ignored by searches; prompts without a terminal | it goes with every question; nobody is prompted |
| 12 published, but missing from searches | the exact name is looked up beside every search |
| 13 keys in addresses, messages and logs | never: not even when the registry says the key back |

The others concern installing and running: their tests are in the rooms that do that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import anyio
import httpx
import pytest

from gateway.clock import SystemClock
from gateway.config import Config
from gateway.config.environment import apply_environment
from gateway.config.registries import RegistrySection
from gateway.discovery.finder import Finder
from gateway.discovery.sources import build_sources
from gateway.errors import DiscoveryError, GatewayError, NotFound, RegistryUnavailable, Who
from gateway.listing import UnsupportedConnection
from gateway.store.catalogue import Catalogue
from gateway.store.database import Database
from tests.discovery.support import fail, paths, smithery_of
from tests.fakes import FakeClock
from tests.standins import smithery
from tests.standins.faults import Controlled
from tests.standins.running import RunningSmithery, running_smithery

ROOT = Path(__file__).parents[2]
KEY = "sk-good"
QUICK_S = 1.0  # for an answer that asks nobody


@pytest.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[Catalogue]:
    """The real store in a file of its own."""
    database = await Database.open(f"sqlite:///{tmp_path}/store.db")
    try:
        yield Catalogue(database)
    finally:
        await database.close()


@pytest.fixture
def app() -> Controlled:
    """A stand-in Smithery without sockets."""
    return smithery.build(KEY)


@pytest.fixture
def finder(app: Controlled, catalogue: Catalogue, clock: FakeClock) -> Finder:
    """The stand-in as the only source."""
    return Finder([smithery_of(app, clock, answers=catalogue)], catalogue, clock)


@pytest.mark.parametrize("connections", [[], None, "absent"])
async def test_1_and_3_a_listing_without_a_way_to_connect_says_so(
    finder: Finder, app: Controlled, connections: Any
) -> None:
    record = {"qualifiedName": "acme/gone", "displayName": "Gone", "connections": connections, "tools": None}
    if connections == "absent":
        del record["connections"]
    fail(app, status=200, body=record, path="/servers/acme", times=1)
    shown, _ = await finder.show("acme/gone")
    assert shown.connections is not None
    (connection,) = shown.connections
    assert isinstance(connection, UnsupportedConnection)
    assert connection.reason == "Smithery lists this server without any way to connect to it or to install it."


async def test_2_a_name_that_nobody_knows_is_answered_with_the_nearest(finder: Finder) -> None:
    await finder.search("weather")
    with pytest.raises(NotFound) as caught:
        await finder.show("acme/wether-http")
    assert caught.value.message == "no source knows 'acme/wether-http'"
    assert "acme/weather-http" in caught.value.fix


@pytest.mark.process
async def test_4_a_registry_that_hangs_costs_one_wait_and_then_nothing(catalogue: Catalogue) -> None:
    with running_smithery() as running:
        async with httpx.AsyncClient(trust_env=False) as http:
            finder = finder_over(running, http, catalogue)
            await finder.search("weather")
            running.fault(mode="slow", seconds=60)
            with anyio.fail_after(20):
                first = await finder.search("weather")
            began = time.monotonic()
            second = await finder.search("weather")
            spent_s = time.monotonic() - began
        later = finder_over(running, httpx.AsyncClient(trust_env=False), catalogue)  # a process of its own
        running.forget()
        third = await later.search("weather")
        assert running.log() == []
    assert spent_s < QUICK_S
    for found in (first, second, third):
        assert found.items[0].listing.name == "acme/weather-http"
        assert [source.state for source in found.sources] == ["stale"]
    assert "asked again in" in second.sources[0].message


def finder_over(running: RunningSmithery, http: httpx.AsyncClient, catalogue: Catalogue) -> Finder:
    """Smithery over real HTTP with the machine's clock, and short patience."""
    env = {"SMITHERY_BASE_URL": running.url, "SMITHERY_API_KEY": running.key}
    config = apply_environment(Config(), env, lambda _: None)
    off = RegistrySection(enabled=False)
    clock = SystemClock()
    sources = build_sources(config.smithery, off, http=http, clock=clock, rng=Random(1), answers=catalogue)
    return Finder(sources, catalogue, clock)


async def test_7_a_web_page_with_502_is_one_line_that_says_who_must_act(finder: Finder, app: Controlled) -> None:
    fail(app, "html", status=502)
    with pytest.raises(RegistryUnavailable) as caught:
        await finder.show("acme/echo-bundle")
    assert "Smithery answered 502 Bad Gateway" in caught.value.message
    assert "<" not in caught.value.message
    assert "\n" not in caught.value.message
    found = await finder.search("echo")
    assert found.sources[0].who == Who.REGISTRY


async def test_7_after_a_502_what_was_seen_before_still_serves(finder: Finder, app: Controlled) -> None:
    await finder.show("acme/echo-bundle")
    fail(app, "html", status=502)
    shown, (state,) = await finder.show("acme/echo-bundle")
    assert (shown.name, state.state) == ("acme/echo-bundle", "stale")


@pytest.mark.process
@pytest.mark.timeout(120)
def test_11_the_key_goes_with_searches_and_nobody_is_asked_at_a_prompt(tmp_path: Path) -> None:
    with running_smithery() as running:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        env = {
            **kept, "HOME": str(tmp_path), "MCP_GATEWAY_STATE": str(tmp_path / "state"),
            "SMITHERY_BASE_URL": running.url, "SMITHERY_API_KEY": running.key,
            "SMITHERY_CUSTOM_HEADERS": "X-Team: blue", "MCP_REGISTRY_BASE_URL": f"{running.url}/no-registry",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "search", "weather", "--json"], env=env, cwd=ROOT,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        asked = [row for row in running.log() if "no-registry" not in row["path"]]
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["items"][0]["name"] == "acme/weather-http"
    assert {source["name"]: source["drift"] for source in found["sources"]}["smithery"] == []
    assert {(row["authorization"], row["headers"]["x-team"]) for row in asked} == {(f"Bearer {running.key}", "blue")}


async def test_12_a_server_that_searches_miss_is_found_by_its_name(finder: Finder) -> None:
    by_words = await finder.search("unlisted")
    by_name = await finder.search("acme/unlisted")
    assert [item.listing.name for item in by_words.items if item.listing.name == "acme/unlisted"] == []
    assert by_name.items[0].listing.name == "acme/unlisted"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429, 500, 502])
async def test_13_a_key_is_in_no_address_no_message_and_no_log(
    app: Controlled, clock: FakeClock, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    key = "sk-very-secret"
    source = smithery_of(app, clock, api_key=key, headers={"x-proxy": "pass-word"})
    fail(app, status=status, body={"error": f"the key {key} is bad, and so is pass-word"})
    with pytest.raises(GatewayError) as caught:
        await source.get("acme/echo-bundle")
    shown = [str(caught.value), caught.value.fix, *paths(app), *(row["query"] for row in app.log), *capfd.readouterr()]
    assert not any(secret in text for text in shown for secret in (key, "pass-word"))
    assert app.log[0]["authorization"] == f"Bearer {key}"


async def test_every_kind_of_trouble_is_one_line_with_something_to_do(app: Controlled, clock: FakeClock) -> None:
    for mode in ("html", "truncated", "garbled", "huge"):
        app.faults.clear()
        fail(app, mode)
        with pytest.raises(DiscoveryError) as caught:
            await smithery_of(app, clock).get("acme/echo-bundle")
        assert caught.value.message.startswith("Smithery answered with ")
        assert "\n" not in caught.value.message + caught.value.fix
        assert caught.value.fix
