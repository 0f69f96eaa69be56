"""An unchanged bundle does not travel twice, over real HTTP; a changed one does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.install.bundles.downloads import MAX_REMEMBERED, Download, Downloads, inspected_again
from gateway.install.planning.rules import Rules
from gateway.listing import BundleConnection, Listing
from gateway.model import Source
from tests.install.site import workshop
from tests.standins.running import RunningSmithery, running_smithery


@pytest.fixture
def smithery() -> Iterator[RunningSmithery]:
    """A registry with bundles."""
    with running_smithery() as running:
        yield running


def bundle_of(smithery: RunningSmithery) -> Listing:
    """A listed bundle, with the registry's own address."""
    url = f"{smithery.url}/servers/acme%2Fecho-bundle/download"
    connection = BundleConnection(url, runtime="node", authorize=True)
    return Listing(source=Source.SMITHERY, name="acme/echo-bundle", connections=(connection,))


def downloads(smithery: RunningSmithery) -> list[str]:
    """The method of every request for the bundle."""
    return [row["method"] for row in smithery.log() if row["path"].endswith("/download")]


@pytest.mark.process
async def test_an_unchanged_bundle_is_asked_for_by_its_tag_only(smithery: RunningSmithery, tmp_path: Path) -> None:
    tokens = {smithery.url: {"Authorization": f"Bearer {smithery.key}"}}
    more = {"rules": Rules(trusted_origins=(smithery.url,)), "secrets": {"apiKey": "k"}}
    async with workshop(tmp_path, trusted=(smithery.url,), tokens=tokens) as shop:
        first = await shop.install(bundle_of(smithery), "echo", **more)
        second = await shop.install(bundle_of(smithery), "echo", **more)
    assert first == second
    assert downloads(smithery) == ["GET", "HEAD"]


@pytest.mark.process
async def test_content_that_is_gone_is_downloaded_again(smithery: RunningSmithery, tmp_path: Path) -> None:
    tokens = {smithery.url: {"Authorization": f"Bearer {smithery.key}"}}
    more = {"rules": Rules(trusted_origins=(smithery.url,)), "secrets": {"apiKey": "k"}}
    async with workshop(tmp_path, trusted=(smithery.url,), tokens=tokens) as shop:
        first = await shop.install(bundle_of(smithery), "echo", **more)
        (shop.installer.store.content / str(first.files)).rename(tmp_path / "gone")
        second = await shop.install(bundle_of(smithery), "echo", **more)
    assert first == second
    assert downloads(smithery) == ["GET", "GET"]


def test_the_newest_are_remembered_and_a_broken_file_knows_nothing(tmp_path: Path) -> None:
    kept = Downloads(tmp_path)
    assert kept.all() == {}
    for number in range(MAX_REMEMBERED + 1):
        kept.note(f"https://a.example/{number}", Download("ab", etag=str(number)))
    assert len(kept.all()) == MAX_REMEMBERED
    assert "https://a.example/0" not in kept.all()
    assert kept.all()["https://a.example/7"].tag.etag == "7"
    (tmp_path / "downloads.json").write_text("{")
    assert kept.all() == {}
    Downloads(tmp_path / "no/folder").note("https://a.example/x", Download("ab"))


def test_what_was_unpacked_tells_the_same_as_the_archive(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    again = inspected_again(tmp_path, ("manifest.json", "uv.lock"), is_signed=True)
    assert (dict(again.members), again.is_signed) == ({"manifest.json": b"{}"}, True)


def test_the_stand_in_answers_as_the_tests_above_count(smithery: RunningSmithery) -> None:
    asked = httpx.head(
        f"{smithery.url}/servers/acme%2Fecho-bundle/download", headers={"Authorization": f"Bearer {smithery.key}"}
    )
    assert (asked.status_code, bool(asked.headers["etag"])) == (200, True)
