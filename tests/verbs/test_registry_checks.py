"""What the doctor says about the registries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import httpx

from gateway.config.registries import RegistrySection, SmitherySection
from gateway.discovery.finder import Finder
from gateway.discovery.sources import build_sources
from gateway.store.catalogue import Catalogue
from gateway.verbs import catalogue, operate
from gateway.verbs.registry_checks import key_checks, registry_checks
from tests.standins import smithery
from tests.standins.faults import Controlled, Fault
from tests.verbs.fakes import Shop, open_shop

BASE = "http://registry.test"


@asynccontextmanager
async def shop_on(app: Controlled, tmp_path: Path) -> AsyncIterator[Shop]:
    """Parts whose only source is the stand-in."""
    async with open_shop(tmp_path) as shop, httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        section = SmitherySection(base_url=BASE, api_key="sk-good", rate="1000/s", burst=100)
        store = Catalogue(shop.parts.db)
        sources = build_sources(
            section, RegistrySection(enabled=False), http=http, clock=shop.clock, rng=Random(1), answers=store
        )
        shop.parts = replace(shop.parts, finder=Finder(sources, store, shop.clock))
        yield shop


async def rows(shop: Shop) -> dict[str, dict[str, Any]]:
    """The checks by name."""
    return {row["name"]: row for row in await registry_checks(shop.parts)}


async def test_a_registry_that_is_well_is_said_to_be(tmp_path: Path) -> None:
    async with shop_on(smithery.build(), tmp_path) as shop:
        found = await rows(shop)
    assert {found[name]["state"] for name in ("source smithery", "health smithery", "answers smithery")} == {"ok"}
    assert found["health smithery"]["message"] == "says 'ok' at 2026-11-23T00:00:00.000Z"


async def test_a_registry_that_is_down_is_a_warning_with_what_to_do(tmp_path: Path) -> None:
    app = smithery.build()
    app.faults.append(Fault(status=503, headers={"x-should-retry": "false"}))
    async with shop_on(app, tmp_path) as shop:
        found = await rows(shop)
        assert (await operate.doctor(shop.parts))["ok"]
    for name in ("source smithery", "health smithery"):
        assert found[name]["state"] == "warning"
        assert "503" in found[name]["message"]
        assert found[name]["fix"]


async def test_a_registry_that_says_it_is_ill_or_has_no_health_is_told_apart(tmp_path: Path) -> None:
    app = smithery.build()
    app.faults.append(Fault(status=200, body={"status": "degraded"}, path="/health", times=1))
    app.faults.append(Fault(status=404, path="/health"))
    async with shop_on(app, tmp_path) as shop:
        ill = await rows(shop)
        none = await rows(shop)
    assert (ill["health smithery"]["state"], ill["health smithery"]["message"]) == ("warning", "says 'degraded'")
    assert "health smithery" not in none


async def test_answers_that_changed_are_named_field_by_field_here_and_in_a_search(tmp_path: Path) -> None:
    app = smithery.build()
    body = {"servers": [{"qualifiedName": "a/b", **{f"new{number}": 1 for number in range(9)}}], "pagination": {}}
    app.faults.append(Fault(status=200, body=body, path="/servers", times=1))
    async with shop_on(app, tmp_path) as shop:
        found = (await rows(shop))["answers smithery"]
        searched = await catalogue.search(shop.parts, "a")
    assert found["state"] == "warning"
    assert found["message"].startswith("differ from what is known: ")
    assert "more" in found["message"]
    (source,) = searched["sources"]
    assert {"field": "servers[].new1", "kind": "unknown", "count": 1} in source["drift"]


def test_the_key_is_told_by_its_place_never_by_itself() -> None:
    (row,) = key_checks(SmitherySection(api_key="sk-secret", key_from="the variable SMITHERY_API_KEY"))
    assert (row["state"], row["message"]) == ("ok", "from the variable SMITHERY_API_KEY")
    (row,) = key_checks(SmitherySection())
    assert (row["state"], "SMITHERY_API_KEY" in row["fix"]) == ("warning", True)
    (row,) = key_checks(SmitherySection(key_trouble="settings.json is not JSON; it is left out"))
    assert (row["state"], "not JSON" in row["message"]) == ("warning", True)
    assert key_checks(SmitherySection(enabled=False)) == []
