"""What installed files consist of, written when they are installed and readable without any network.

Packages with their versions and hashes come from the lock that was installed; a bundle's files are hashed one by one,
so that a later look tells which of them changed. Blocking: call it from a worker thread.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from gateway.install.packages import commands
from gateway.install.packages.locks import Component, npm_components, uv_components
from gateway.install.planning.machine import Machine

RECORD = "record.json"
BUNDLE_FILES = "files"
_CHUNK = 1024 * 1024


class HashedFile(msgspec.Struct, frozen=True):
    """One file of a bundle; `path` is relative to the bundle."""

    path: str
    sha256: str
    size_bytes: int


class ContentRecord(msgspec.Struct, frozen=True):
    """The parts of one content folder; `runtimes`: program to version, as they were when it was installed."""

    runtimes: dict[str, str] = {}
    packages: tuple[Component, ...] = ()
    files: tuple[HashedFile, ...] = ()


def runtimes_of(machine: Machine) -> dict[str, str]:
    """The versions of the programs that install and run servers here."""
    programs = {"node": machine.node, "npm": machine.npm, "python": machine.python, "uv": machine.uv}
    return {name: program.shown for name, program in programs.items() if program is not None}


def write_record(folder: Path, runtimes: dict[str, str]) -> ContentRecord:
    """Look at finished files and write down what they are, beside them.

    Raises: OSError.
    """
    record = ContentRecord(runtimes, _packages(folder), _files(folder))
    (folder / RECORD).write_bytes(msgspec.json.encode(record))
    return record


def read_record(folder: Path) -> ContentRecord:
    """Return what was written down; of content from before there were records, what can be seen now."""
    try:
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=ContentRecord)
    except (OSError, msgspec.DecodeError):
        return ContentRecord({}, _packages(folder), _files(folder))


def altered_files(folder: Path, record: ContentRecord) -> list[str]:
    """The files of a bundle that are not what they were when it was installed: changed, added or gone."""
    then = {file.path: file.sha256 for file in record.files}
    now = {file.path: file.sha256 for file in _files(folder)}
    return sorted(path for path in then.keys() | now.keys() if then.get(path) != now.get(path))


def _packages(folder: Path) -> tuple[Component, ...]:
    found: list[Component] = []
    for lock, read in ((commands.NPM_LOCK, npm_components), (commands.UV_LOCK, uv_components)):
        try:
            found += read((folder / lock).read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            continue  # the other kind, or a bundle
    return tuple(found)


def _files(folder: Path) -> tuple[HashedFile, ...]:
    root = folder / BUNDLE_FILES
    found = []
    for place, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                found.append(HashedFile(str(path.relative_to(root)), _sha256(path), path.stat().st_size))
    return tuple(found)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
