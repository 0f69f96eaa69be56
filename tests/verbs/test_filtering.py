"""A search with filters that only one registry has."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import UsageError
from gateway.verbs import catalogue
from tests.standins import smithery
from tests.standins.faults import Fault
from tests.verbs.test_registry_checks import shop_on


async def test_smithery_is_asked_with_its_own_filters_and_the_common_ones(tmp_path: Path) -> None:
    app = smithery.build()
    async with shop_on(app, tmp_path) as shop:
        found = await catalogue.search(shop.parts, "", filters="repoOwner=acme-code&repoName=echo", verified=True)
    assert [item["name"] for item in found["items"]] == ["acme/echo-bundle"]
    assert [source["state"] for source in found["sources"]] == ["ok"]
    assert "verified=true" in app.log[-1]["query"]
    assert "repoOwner=acme-code" in app.log[-1]["query"]


async def test_when_smithery_is_down_nothing_unfiltered_takes_its_place(tmp_path: Path) -> None:
    app = smithery.build()
    async with shop_on(app, tmp_path) as shop:
        await catalogue.search(shop.parts, "echo")
        app.faults.append(Fault(status=503, headers={"x-should-retry": "false"}))
        found = await catalogue.search(shop.parts, "echo", filters="ownerId=nobody")
    assert found["items"] == []
    (source,) = found["sources"]
    assert (source["state"], source["who"]) == ("down", "registry")


@pytest.mark.parametrize(
    ("filters", "more", "words"),
    [
        ("nonsense", {}, "are no filters"),
        ("owner=x", {}, "has no filter 'owner'"),
        ("topK=3", {}, "topK must be from 10 to 500"),
        ("verified=1", {"offline": True}, "must be asked"),
        ("verified=1", {"source": "registry"}, "must be asked"),
    ],
)
async def test_filters_that_cannot_be_are_refused_before_anybody_is_asked(
    tmp_path: Path, filters: str, more: dict[str, object], words: str
) -> None:
    app = smithery.build()
    async with shop_on(app, tmp_path) as shop:
        with pytest.raises(UsageError, match=words):
            await catalogue.search(shop.parts, "x", filters=filters, **more)  # type: ignore[arg-type]
    assert app.log == []
