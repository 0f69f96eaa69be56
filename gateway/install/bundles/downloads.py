"""What was downloaded from where, and under which tag: an unchanged bundle need not travel twice.

Only a hint: what it says is believed once the server has said that its file is the same, and the content is still here.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import anyio
import msgspec

from gateway.install.build import Site
from gateway.install.bundles.extractor import Inspected
from gateway.install.planning.blueprint import BundleSource
from gateway.net.tags import Tag

MAX_REMEMBERED = 500
FILE = "downloads.json"


class Download(msgspec.Struct, frozen=True):
    """One file as it was fetched last."""

    sha256: str
    etag: str = ""
    last_modified: str = ""
    is_signed: bool = False

    @property
    def tag(self) -> Tag:
        """How its server named this version."""
        return Tag(self.etag, self.last_modified)


class Downloads:
    """The newest downloads by address, in one small file. Blocking."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def all(self) -> dict[str, Download]:
        """Return them, the oldest first; a file that cannot be read knows nothing."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Download])
        except (OSError, msgspec.DecodeError):
            return {}

    def note(self, url: str, download: Download) -> None:
        """Remember one; that it cannot be remembered costs a download some day."""
        known = self.all()
        known.pop(url, None)
        newest = [*known.items(), (url, download)][-MAX_REMEMBERED:]
        try:
            descriptor, temporary = tempfile.mkstemp(prefix=f".{FILE}", dir=self._file.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(dict(newest)))
            Path(temporary).replace(self._file)
        except OSError:
            return


async def unchanged(source: BundleSource, site: Site, found: Callable[[str], Path | None]) -> Download | None:
    """Return the earlier download of this very address, if its server says that it is still the same.

    `found` says where the files of a bundle with this hash lie; None: not here any more.
    """
    known = (await anyio.to_thread.run_sync(Downloads(site.store.content.parent).all)).get(source.url)
    if known is None or source.sha256 not in {None, known.sha256}:
        return None
    if await anyio.to_thread.run_sync(found, known.sha256) is None:
        return None
    site.report("fetch", "asking whether the bundle has changed")
    return known if await site.fetch.unchanged(source.url, known.tag, authorize=source.authorize) else None


def inspected_again(files: Path, wanted: tuple[str, ...], *, is_signed: bool) -> Inspected:
    """What inspecting the archive told, from the files that were unpacked of it."""
    places = {name: files / name for name in wanted}
    return Inspected({name: place.read_bytes() for name, place in places.items() if place.is_file()}, wanted, is_signed)
