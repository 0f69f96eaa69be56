"""Installed files on disk: content-addressed folders, one link per server, every change atomic.

content/<digest>/            files and receipt.json; never changed once it has this name
content/.work-…/             being made; swept at the next start
servers/<name>               link to the content in use
data/<name>/                 the server's private home

Which content a server runs from stands in the store; links only follow it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.errors import InstallError
from gateway.model import ServerName

RECEIPT = "receipt.json"
BLOCK_BYTES = 512  # the unit of st_blocks
_WORK = ".work-"

Reached = Callable[[str], None]
"""Told each step of an installation that a kill could follow; tests kill there."""


def nothing_reached(_: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection deleted."""

    names: tuple[str, ...]
    freed_bytes: int


class Receipt(msgspec.Struct, frozen=True):
    """What a content folder holds, enough to launch it again without asking anybody."""

    reference: str  # "npm:pkg@1.2.3" | "pypi:pkg==1.2.3" | "mcpb:<sha256>"
    version: str
    program: str = ""  # path of the program below the content folder
    warnings: tuple[str, ...] = ()


class ContentStore:
    """The folders `content`, `servers` and `data` below one state directory. Blocking: call it from a worker thread."""

    def __init__(self, root: Path, reached: Reached = nothing_reached) -> None:
        self.reached = reached
        self.content = root / "content"
        self.servers = root / "servers"
        self.data = root / "data"
        self._naming = threading.Lock()  # two names may be getting the same content at once

    def prepare(self) -> None:
        """Make the folders that are missing.

        Raises: InstallError when the state directory cannot be used.
        """
        try:
            for folder in (self.content, self.servers, self.data):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise InstallError(
                f"the state directory cannot be used: {exc.strerror or exc}",
                step="prepare",
                fix="Check its permissions.",
            ) from exc

    @contextmanager
    def work_folder(self) -> Iterator[Path]:
        """A private folder on the same disk as the content; whatever is left in it at the end is thrown away."""
        self.prepare()
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=self.content))
        self.reached("work")
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def find(self, reference: str) -> tuple[str, Receipt] | None:
        """Return digest and receipt of a content that was installed from exactly this pinned reference."""
        self.prepare()
        for folder in sorted(self.content.iterdir()):
            receipt = None if folder.name.startswith(".") else self.receipt(folder.name)
            if receipt is not None and receipt.reference == reference:
                return folder.name, receipt
        return None

    def receipt(self, digest: str) -> Receipt | None:
        """Return the receipt of a content; None when there is no such (whole) content."""
        try:
            return msgspec.json.decode((self.content / digest / RECEIPT).read_bytes(), type=Receipt)
        except (OSError, msgspec.DecodeError):
            return None

    def keep(self, work: Path, digest: str, receipt: Receipt) -> Path:
        """Give a finished folder its final name, everything flushed to disk before; idempotent.

        Raises: InstallError when the disk does not take it.
        """
        final = self.content / digest
        try:
            if self.receipt(digest) is not None:
                return final
            (work / RECEIPT).write_bytes(msgspec.json.encode(receipt))
            flush_tree(work)
            self.reached("receipt")
            with self._naming:
                if self.receipt(digest) is None:
                    shutil.rmtree(final, ignore_errors=True)  # without a receipt it is not ours to keep
                    work.rename(final)
            flush_folder(self.content)
            self.reached("kept")
        except OSError as exc:
            raise InstallError(
                f"the files could not be kept: {exc.strerror or exc}", step="keep", fix="Check the disk and try again."
            ) from exc
        return final

    def point(self, name: ServerName, digest: str | None) -> None:
        """Let the link of `name` show the content in use; None: it has no files. For people: nothing starts by it."""
        self.prepare()
        link = self.servers / name
        if _target(link) != digest:
            _relink(link, digest)
            flush_folder(self.servers)

    def forget(self, name: ServerName, *, data: bool) -> None:
        """Remove the link of `name`, and its private folder when `data` is set, or when no file is in it."""
        (self.servers / name).unlink(missing_ok=True)
        home = self.data / name
        if data or not _holds_files(home):
            shutil.rmtree(home, ignore_errors=True)

    def prune(self, names: Collection[str]) -> None:
        """Remove every link but those of `names`, and what interrupted installations left in `servers` and `data`.

        A private folder with a file in it stays: it is somebody's data.
        """
        self.prepare()
        for path in self.servers.iterdir():
            if path.name not in names and (path.is_symlink() or path.is_file()):
                path.unlink(missing_ok=True)
        for home in self.data.iterdir():
            if home.name not in names and not _holds_files(home):
                shutil.rmtree(home, ignore_errors=True)

    def collect(self, keep: Collection[str]) -> Collected:
        """Delete unfinished work and content that neither a link nor `keep` (digests) names."""
        self.prepare()
        linked = {_target(path) for path in self.servers.iterdir() if path.is_symlink()}
        gone = [folder for folder in self.content.iterdir() if folder.name not in linked | set(keep)]
        freed = 0
        for folder in gone:
            freed += _occupied(folder)
            shutil.rmtree(folder, ignore_errors=True)
        return Collected(tuple(folder.name for folder in gone), freed)

    def has_files(self, digest: str | None) -> bool:
        """Whether a content is here whole; a server without files has all it needs."""
        return digest is None or self.receipt(digest) is not None

    def private_folder(self, name: ServerName, folders: Collection[str] = ()) -> Path:
        """Make the server's home with what must be in it."""
        home = self.data / name
        for folder in (home, home / "tmp", *(home / part for part in folders)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return home


def _target(link: Path) -> str | None:
    return link.readlink().name if link.is_symlink() else None


def _holds_files(folder: Path) -> bool:
    return any(files for _, _, files in os.walk(folder))


def _occupied(folder: Path) -> int:
    """Bytes of disk that go when a folder goes; files with another name elsewhere (a cache) stay there."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                found = Path(root, name).lstat()
                total += found.st_blocks * BLOCK_BYTES if found.st_nlink == 1 else 0
    return total


def _relink(link: Path, digest: str | None) -> None:
    if digest is None:  # a remote server has no files
        link.unlink(missing_ok=True)
        return
    temporary = link.with_name(f".{link.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(Path("..") / "content" / digest)
    temporary.replace(link)


def flush_tree(root: Path) -> None:
    """Write every file and folder below `root` through to the disk."""
    for folder, _, files in os.walk(root):
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                _flush(path, os.O_RDONLY)
        flush_folder(Path(folder))


def flush_folder(folder: Path) -> None:
    """Write a folder's entries (names, not contents) through to the disk."""
    _flush(folder, os.O_RDONLY | os.O_DIRECTORY)


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
