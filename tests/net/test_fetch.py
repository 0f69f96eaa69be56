"""Downloads: bounded, checked, and with the token only where it belongs."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from gateway.errors import InstallError, RefusedByPolicy
from gateway.net.fetch import Fetcher
from gateway.net.guard import guarded_client
from gateway.net.tags import Tag
from tests.net.web import Page, Web, serving
from tests.standins.running import running_smithery

BODY = b"bundle" * 1000
DIGEST = hashlib.sha256(BODY).hexdigest()


@asynccontextmanager
async def fetcher(*webs: Web, token_for: Web | None = None, timeout_s: float = 10.0) -> AsyncIterator[Fetcher]:
    async with guarded_client(trusted_origins=[web.url for web in webs]) as client:
        headers = {token_for.url: {"Authorization": "Bearer k"}} if token_for else {}
        yield Fetcher(client, origin_headers=lambda: headers, total_timeout_s=timeout_s)


async def test_a_file_is_fetched_and_its_hash_returned(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    with serving({"/b": Page(body=BODY)}) as web:
        async with fetcher(web) as fetch:
            found = await fetch.fetch(
                web.url + "/b",
                to=tmp_path / "b",
                max_bytes=10_000,
                progress=lambda done, total: told.append((done, total)),
            )
    assert (found, (tmp_path / "b").read_bytes(), told[-1]) == (DIGEST, BODY, (6000, 6000))


async def test_another_content_than_pinned_is_refused_and_not_left_behind(tmp_path: Path) -> None:
    with serving({"/b": Page(body=BODY)}) as web:
        async with fetcher(web) as fetch:
            with pytest.raises(InstallError, match="another content"):
                await fetch.fetch(web.url + "/b", to=tmp_path / "b", max_bytes=10_000, sha256="0" * 64)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("declared", [True, False])
async def test_a_file_over_the_cap_is_refused_declared_or_not(tmp_path: Path, declared: bool) -> None:
    with serving({"/b": Page(body=BODY, declare_length=declared)}) as web:
        async with fetcher(web) as fetch:
            with pytest.raises(RefusedByPolicy, match="larger than 100 bytes"):
                await fetch.fetch(web.url + "/b", to=tmp_path / "b", max_bytes=100)
    assert not (tmp_path / "b").exists()


async def test_the_token_goes_to_its_own_origin_only_and_not_along_a_redirect(tmp_path: Path) -> None:
    with serving({"/b": Page(body=BODY)}) as store, serving({}) as registry:
        registry.pages["/d"] = Page(302, headers={"Location": store.url + "/b"})
        async with fetcher(store, registry, token_for=registry) as fetch:
            await fetch.fetch(registry.url + "/d", to=tmp_path / "b", max_bytes=10_000, authorize=True)
    assert registry.seen[0][1]["authorization"] == "Bearer k"
    assert "authorization" not in store.seen[0][1]


async def test_the_token_is_not_sent_unless_the_connection_says_so(tmp_path: Path) -> None:
    with serving({"/b": Page(body=BODY)}) as web:
        async with fetcher(web, token_for=web) as fetch:
            await fetch.fetch(web.url + "/b", to=tmp_path / "b", max_bytes=10_000)
    assert "authorization" not in web.seen[0][1]


@pytest.mark.parametrize(
    ("status", "says"), [(401, "API key"), (403, "API key"), (404, "nothing to download"), (502, "502")]
)
async def test_a_refusing_server_is_named_with_what_to_do(tmp_path: Path, status: int, says: str) -> None:
    with serving({"/b": Page(status, b"<html>")}) as web:
        async with fetcher(web) as fetch:
            with pytest.raises(InstallError, match=says) as caught:
                await fetch.fetch(web.url + "/b?api_key=hidden", to=tmp_path / "b", max_bytes=10_000)
    assert "hidden" not in str(caught.value)


async def test_redirects_that_never_end_are_given_up(tmp_path: Path) -> None:
    with serving({}) as web:
        web.pages["/loop"] = Page(302, headers={"Location": web.url + "/loop"})
        async with fetcher(web) as fetch:
            with pytest.raises(InstallError, match="redirects"):
                await fetch.fetch(web.url + "/loop", to=tmp_path / "b", max_bytes=10_000)


async def test_an_untrusted_local_address_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with serving({"/b": Page(body=BODY)}) as web:
        async with fetcher() as fetch:
            with pytest.raises(RefusedByPolicy):
                await fetch.fetch(web.url + "/b", to=tmp_path / "b", max_bytes=10_000)
    assert web.seen == []


async def test_a_connection_that_breaks_is_an_install_error(tmp_path: Path) -> None:
    with serving({"/b": Page(body=b"short", headers={"Content-Length": "5000"}, declare_length=False)}) as web:
        async with fetcher(web) as fetch:
            with pytest.raises(InstallError, match="could not be fetched"):
                await fetch.fetch(web.url + "/b", to=tmp_path / "b", max_bytes=10_000)


async def test_compression_is_not_asked_for_so_that_the_cap_counts_real_bytes(tmp_path: Path) -> None:
    with serving({"/b": Page(body=BODY)}) as web:
        async with fetcher(web) as fetch:
            await fetch.fetch(web.url + "/b", to=tmp_path / "b", max_bytes=10_000)
    assert web.seen[0][1]["accept-encoding"] == "identity"


async def test_a_file_that_is_unchanged_is_not_downloaded_again(tmp_path: Path) -> None:
    tags: list[Tag] = []
    with running_smithery() as smithery:
        url = f"{smithery.url}/servers/acme%2Fecho-bundle/download"
        async with guarded_client(trusted_origins=[smithery.url]) as client:
            fetch = Fetcher(client, origin_headers=lambda: {smithery.url: {"Authorization": f"Bearer {smithery.key}"}})
            await fetch.fetch(url, to=tmp_path / "b", max_bytes=10**6, authorize=True, tagged=tags.append)
            smithery.forget()
            assert await fetch.unchanged(url, tags[0], authorize=True)
            assert not await fetch.unchanged(url, Tag('"another"'), authorize=True)
            assert not await fetch.unchanged(url, tags[0])  # without its key it cannot be asked
            assert not await fetch.unchanged(url, Tag(), authorize=True)
            asked = [(row["method"], row["if_none_match"]) for row in smithery.log()]
    assert asked[:2] == [("HEAD", tags[0].etag), ("HEAD", '"another"')]
    assert all(row["method"] == "HEAD" or not row["authorization"] for row in smithery.log())


async def test_a_server_that_knows_no_head_is_asked_by_a_get(tmp_path: Path) -> None:
    with serving({"/b": Page(body=BODY, headers={"ETag": '"one"'})}) as web:
        async with fetcher(web) as fetch:
            assert await fetch.unchanged(web.url + "/b", Tag('"one"'))
            assert not await fetch.unchanged(web.url + "/b", Tag('"two"'))
            assert not await fetch.unchanged(web.url + "/gone", Tag('"one"'))
    assert [path for path, _ in web.seen] == ["/b", "/b", "/gone"]


async def test_a_server_that_is_gone_leaves_it_to_the_download_to_say_so() -> None:
    with serving({}) as web:
        gone = web.url
    async with guarded_client(trusted_origins=[gone]) as client:
        assert not await Fetcher(client).unchanged(gone + "/b", Tag('"one"'))


async def test_an_address_that_is_refused_is_refused_for_a_check_too() -> None:
    async with guarded_client() as client:
        with pytest.raises(RefusedByPolicy):
            await Fetcher(client).unchanged("http://127.0.0.1:9/b", Tag('"one"'))


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Writing more than `size` bytes into any file fails meanwhile, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_is_an_install_error_and_leaves_nothing(tmp_path: Path) -> None:
    with serving({"/b": Page(body=BODY)}) as web:
        async with fetcher(web) as fetch:
            with files_of_at_most(1000), pytest.raises(InstallError, match="cannot be written") as caught:
                await fetch.fetch(web.url + "/b", to=tmp_path / "b", max_bytes=10_000)
    assert (caught.value.step, "disk space" in caught.value.fix) == ("fetch", True)
    assert not (tmp_path / "b").exists()


async def test_a_place_that_cannot_be_is_an_install_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with serving({"/b": Page(body=BODY)}) as web:
        async with fetcher(web) as fetch:
            with pytest.raises(InstallError, match="cannot be written"):
                await fetch.fetch(web.url + "/b", to=tmp_path / "file" / "b", max_bytes=10_000)
