"""Download one file, within bounds, checked by hash; a registry's token goes to that registry and nowhere else."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import httpx

from gateway.errors import InstallError, RefusedByPolicy
from gateway.net.addresses import origin_of
from gateway.net.guard import MAX_REDIRECTS
from gateway.net.tags import Tag, tag_of

Progress = Callable[[int, int | None], None]
"""(bytes so far, bytes in all if known)."""

OriginHeaders = Callable[[], Mapping[str, Mapping[str, str]]]
"""Origin (or base URL) to the headers it may get, asked anew for each download: keys can change."""

STEP = "fetch"
CHUNK = 65536
ACCEPT = "application/zip, application/octet-stream, */*"
CHECK_S = 15.0  # to find out that a file is unchanged; a download is the way when that takes longer


class Fetcher:
    """Downloads to files; `client` comes from `guarded_client`, redirects are followed here, hop by hop."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        origin_headers: OriginHeaders = dict,
        total_timeout_s: float = 300.0,
    ) -> None:
        self._client = client
        self._origin_headers = origin_headers
        self._total_timeout_s = total_timeout_s

    async def fetch(
        self,
        url: str,
        *,
        to: Path,
        max_bytes: int,
        sha256: str | None = None,
        authorize: bool = False,
        progress: Progress | None = None,
        tagged: Callable[[Tag], None] | None = None,
    ) -> str:
        """Download `url` into the file `to` and return its SHA-256 in hex.

        `tagged` is told how the server names this version, for `unchanged` later on. `authorize` adds the headers
        configured for an origin to every hop of exactly that origin. A file that is too large, late, or of another
        hash than `sha256` is not left behind.

        Raises: InstallError (step "fetch"), RefusedByPolicy.
        """
        done = False
        try:
            with anyio.fail_after(self._total_timeout_s):
                found = await self._download(url, to, max_bytes, authorize=authorize, progress=progress, tagged=tagged)
            _require_hash(url, found, sha256)
            done = True
        except RefusedByPolicy:  # also an httpx error, but nothing to try again
            raise
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as exc:
            raise InstallError(
                f"{_place(url)} could not be fetched: {str(exc) or type(exc).__name__}",
                step=STEP,
                fix="Check the network and try again; what is installed keeps running.",
            ) from exc
        except OSError as exc:
            raise InstallError(
                f"what {_place(url)} sends cannot be written: {exc.strerror or exc}",
                step=STEP,
                fix="Free disk space, or check the permissions of the state directory.",
            ) from exc
        finally:
            if not done:
                _discard(to)
        return found

    async def unchanged(self, url: str, tag: Tag, *, authorize: bool = False) -> bool:
        """Say whether the file at `url` surely still is the version that `tag` names, without downloading it.

        False when the server does not say, or cannot be asked: then a download finds out.

        Raises: RefusedByPolicy.
        """
        if not tag.says_something:
            return False
        try:
            with anyio.fail_after(CHECK_S):
                # A server that knows no HEAD is asked by a GET, whose body is not read.
                said = await self._still(url, tag, "HEAD", authorize=authorize)
                return said if said is not None else await self._still(url, tag, "GET", authorize=authorize) is True
        except RefusedByPolicy:
            raise
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, InstallError):
            return False

    async def _still(self, url: str, tag: Tag, method: str, *, authorize: bool) -> bool | None:
        """Ask with conditions; None when an answer of this method says nothing."""
        async with self._reached(url, method, tag.conditions(), authorize=authorize) as response:
            if response.status_code in {200, 304}:
                return response.status_code == 304 or tag.agrees(tag_of(response.headers))
            return None

    async def _download(
        self,
        url: str,
        to: Path,
        max_bytes: int,
        *,
        authorize: bool,
        progress: Progress | None,
        tagged: Callable[[Tag], None] | None,
    ) -> str:
        digest = hashlib.sha256()
        done = 0
        async with self._answered(url, authorize=authorize) as response, await anyio.open_file(to, "wb") as file:
            total = _length(response)
            if total is not None and total > max_bytes:
                raise _too_large(url, max_bytes)
            # Raw: we asked for no content coding, so an unasked one cannot blow up behind the cap.
            async for chunk in response.aiter_raw(CHUNK):
                done += len(chunk)
                if done > max_bytes:
                    raise _too_large(url, max_bytes)
                digest.update(chunk)
                await file.write(chunk)
                if progress is not None:
                    progress(done, total)
            if tagged is not None:
                tagged(tag_of(response.headers))
        return digest.hexdigest()

    @asynccontextmanager
    async def _answered(self, url: str, *, authorize: bool) -> AsyncIterator[httpx.Response]:
        """Yield the 200."""
        async with self._reached(url, "GET", {}, authorize=authorize) as response:
            _require_ok(str(response.url), response)
            yield response

    @asynccontextmanager
    async def _reached(
        self, url: str, method: str, more: Mapping[str, str], *, authorize: bool
    ) -> AsyncIterator[httpx.Response]:
        """Follow redirects by hand; yield the answer at their end."""
        granted = {origin_of(key): dict(headers) for key, headers in self._origin_headers().items()}
        for _ in range(MAX_REDIRECTS + 1):
            headers = {
                "Accept": "application/zip, application/octet-stream, */*",
                "Accept-Encoding": "identity",
                **more,
            }
            if authorize:
                headers |= granted.get(origin_of(url), {})
            async with self._client.stream(method, url, headers=headers, follow_redirects=False) as response:
                if response.next_request is None:
                    yield response
                    return
                url = str(response.next_request.url)
        raise InstallError(f"{_place(url)} is reached only by more than {MAX_REDIRECTS} redirects", step=STEP)


def _discard(path: Path) -> None:
    with suppress(OSError):  # the download's own failure is the one to tell
        path.unlink(missing_ok=True)


def _require_hash(url: str, found: str, wanted: str | None) -> None:
    if wanted is not None and found != wanted.lower():
        raise InstallError(
            f"{_place(url)} has another content than expected: sha256 {found}, not {wanted.lower()}",
            step=STEP,
            fix="Do not install it; ask its publisher, or pin the new hash if you know why it changed.",
        )


def _require_ok(url: str, response: httpx.Response) -> None:
    status = response.status_code
    if status == 200:
        return
    if status in {401, 403}:
        raise InstallError(
            f"{_place(url)} answered {status}: it wants a (valid) API key",
            step=STEP,
            fix="Set SMITHERY_API_KEY, or [smithery] api_key_file, and try again.",
        )
    if status == 404:
        raise InstallError(f"{_place(url)} has nothing to download (404)", step=STEP, fix="The listing may be stale.")
    raise InstallError(f"{_place(url)} answered {status}", step=STEP, fix="Try again later.")


def _length(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _too_large(url: str, max_bytes: int) -> RefusedByPolicy:
    return RefusedByPolicy(f"{_place(url)} is larger than {max_bytes} bytes", code="too_large")


def _place(url: str) -> str:
    return ascii(url.split("?", 1)[0].rsplit("@", 1)[-1][:200]).strip("'")
