"""Copying the official registry into the store, and what can be done with the copy and with its releases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.discovery.finder import Finder
from gateway.discovery.sources import registry_sync
from gateway.errors import NotFound, RefusedByPolicy, RegistryUnavailable, UsageError
from gateway.model import Origin
from gateway.store.catalogue import Catalogue
from gateway.verbs.catalogue import search, show
from gateway.verbs.parts import Parts
from gateway.verbs.planning import Ask, plan_for
from gateway.verbs.sync import sync
from tests.discovery.support import fail, registry_of
from tests.standins import registry
from tests.standins.faults import Controlled
from tests.verbs.fakes import open_shop

TIME = "io.github.reference/time"


@dataclass
class Site:
    """A shop whose one registry is the stand-in."""

    parts: Parts
    app: Controlled
    catalogue: Catalogue


@asynccontextmanager
async def open_site(folder: Path) -> AsyncIterator[Site]:
    """Open it, on a real store."""
    async with open_shop(folder) as shop:
        app, catalogue = registry.build(), Catalogue(shop.parts.db)
        sources = [registry_of(app, shop.clock, answers=catalogue)]
        parts = replace(
            shop.parts,
            finder=Finder(sources, catalogue, shop.clock),
            sync=registry_sync(sources, catalogue, shop.clock),
        )
        yield Site(parts, app, catalogue)


async def test_a_copy_is_found_while_the_registry_is_away(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        told: list[dict[str, Any]] = []
        done = await sync(site.parts, progress=told.append)
        assert {key: done[key] for key in ("source", "full", "since", "servers", "withdrawn", "skipped", "pages")} == {
            "source": "registry", "full": True, "since": None, "servers": 49, "withdrawn": 1, "skipped": 0, "pages": 1,
        }  # fmt: skip
        assert told[-1]["step"] == "sync"
        fail(site.app, status=503)
        found = await search(site.parts, "forecasts")
        assert [item["name"] for item in found["items"]] == ["example.acme/weather", "io.github.acme/old-weather"]
        assert [state["state"] for state in found["sources"]] == ["stale"]
        withdrawn = await show(site.parts, "registry:io.github.acme/gone")
        assert (withdrawn["status"], withdrawn["status_changed_at"]) == ("deleted", registry.UPDATED)


async def test_only_what_changed_is_read_afterwards_unless_all_is_wanted(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        await sync(site.parts)
        again = await sync(site.parts)
        assert (again["full"], again["since"]) == (False, "2026-03-04T04:56:07.000Z")
        assert (await sync(site.parts, full=True))["full"] is True


async def test_a_registry_that_is_switched_off_is_not_copied(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        with pytest.raises(UsageError, match="switched off"):
            await sync(shop.parts)


async def test_a_registry_that_is_down_says_so(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        fail(site.app, status=503)
        with pytest.raises(RegistryUnavailable):
            await sync(site.parts)


async def test_all_releases_are_shown(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        item = await show(site.parts, TIME)
        assert [row["version"] for row in item["versions"]] == ["2026.6.4", registry.OLD]
        assert item["versions"][0] == {
            "version": "2026.6.4", "published_at": registry.PUBLISHED, "status": "active", "is_latest": True,
        }  # fmt: skip
        old = await show(site.parts, f"registry:{TIME}@{registry.OLD}")
        assert old["version"] == registry.OLD


async def test_an_exact_release_is_planned_and_stays_what_was_asked_for(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        plan = await plan_for(site.parts, Ask(f"registry:{TIME}@{registry.OLD}", origin=Origin.CLI, allow_fresh=True))
        assert (plan.from_, plan.version) == (f"registry:{TIME}@{registry.OLD}", registry.OLD)
        newest = await plan_for(site.parts, Ask(f"registry:{TIME}", allow_fresh=True))
        assert (newest.from_, newest.version) == (f"registry:{TIME}", "2026.6.4")
        kept = await site.catalogue.get("registry", TIME)
        assert kept is not None
        assert kept.version == "2026.6.4"  # an older release does not take the newest one's place


async def test_a_release_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        with pytest.raises(NotFound) as caught:
            await plan_for(site.parts, Ask(f"registry:{TIME}@9.9"))
        assert registry.OLD in caught.value.fix


async def test_a_withdrawn_server_is_not_installed_and_says_since_when(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        with pytest.raises(RefusedByPolicy, match="withdrawn from its registry on 2026-03-04"):
            await plan_for(site.parts, Ask("registry:io.github.acme/gone"))
