"""Installed files on disk: content-addressed folders, one link per server, every change atomic.

content/<digest>/            files and receipt.json; never changed once it has this name
content/.work-…/             being made; swept at the next start
servers/<name>               link to the content in use
servers/<name>.json          what was installed (no secrets)
servers/<name>.previous…     the same of the one before, for roll-back
data/<name>/                 the server's private home
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import msgspec

from gateway.errors import InstallError
from gateway.model import ServerName

RECEIPT = "receipt.json"
PREVIOUS = ".previous"
_WORK = ".work-"


class Switched(StrEnum):
    """What a switch did."""

    FIRST = "first"
    REPLACED = "replaced"
    SAME = "same"


class Receipt(msgspec.Struct, frozen=True):
    """What a content folder holds, enough to launch it again without asking anybody."""

    reference: str  # "npm:pkg@1.2.3" | "pypi:pkg==1.2.3" | "mcpb:<sha256>"
    version: str
    program: str = ""  # path of the program below the content folder
    warnings: tuple[str, ...] = ()


class ContentStore:
    """The folders `content`, `servers` and `data` below one state directory. Blocking: call it from a worker thread."""

    def __init__(self, root: Path) -> None:
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
            with self._naming:
                if self.receipt(digest) is None:
                    shutil.rmtree(final, ignore_errors=True)  # without a receipt it is not ours to keep
                    work.rename(final)
            flush_folder(self.content)
        except OSError as exc:
            raise InstallError(
                f"the files could not be kept: {exc.strerror or exc}", step="keep", fix="Check the disk and try again."
            ) from exc
        return final

    def switch(self, name: ServerName, digest: str | None, record: bytes) -> Switched:
        """Make `record` (and its content) the current one of `name`; the current one becomes the previous one."""
        self.prepare()
        switched = Switched.FIRST
        current, link = self.servers / f"{name}.json", self.servers / name
        if current.exists():
            switched = Switched.SAME if current.read_bytes() == record else Switched.REPLACED
        if switched is Switched.REPLACED:
            _write(self.servers / f"{name}{PREVIOUS}.json", current.read_bytes())
            _relink(self.servers / f"{name}{PREVIOUS}", _target(link))
        if switched is not Switched.SAME:
            _write(current, record)
        if _target(link) != digest:
            _relink(link, digest)
        flush_folder(self.servers)
        return switched

    def swap(self, name: ServerName) -> bytes | None:
        """Exchange current and previous; returns the record that is current now, None when there is no previous."""
        previous = self.servers / f"{name}{PREVIOUS}.json"
        if not previous.exists():
            return None
        record = previous.read_bytes()
        self.switch(name, _target(self.servers / f"{name}{PREVIOUS}"), record)
        return record

    def forget(self, name: ServerName, *, data: bool) -> None:
        """Remove the links and records of `name`, and its private folder when `data` is set."""
        for suffix in ("", PREVIOUS):
            for path in (self.servers / f"{name}{suffix}", self.servers / f"{name}{suffix}.json"):
                path.unlink(missing_ok=True)
        if data:
            shutil.rmtree(self.data / name, ignore_errors=True)

    def collect(self, keep: Collection[str]) -> list[str]:
        """Delete unfinished work and content that neither a link nor `keep` (digests) names; returns what went."""
        self.prepare()
        linked = {_target(path) for path in self.servers.iterdir() if path.is_symlink()}
        gone = [
            folder for folder in self.content.iterdir() if folder.name not in linked and folder.name not in set(keep)
        ]
        for folder in gone:
            shutil.rmtree(folder, ignore_errors=True)
        return [folder.name for folder in gone]

    def private_folder(self, name: ServerName, folders: Collection[str] = ()) -> Path:
        """Make the server's home with what must be in it."""
        home = self.data / name
        for folder in (home, home / "tmp", *(home / part for part in folders)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return home


def _target(link: Path) -> str | None:
    return link.readlink().name if link.is_symlink() else None


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


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
