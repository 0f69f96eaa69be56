"""Unpacks MCPB bundles: an own extractor that refuses, because the standard one renames, follows and never stops.

It knows zip files and nothing of manifests. Structure and entries are checked before the first byte is written; sizes
and checksums are counted again on the real bytes while writing, since a directory holds its author's words.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway.errors import InstallError
from gateway.install.bundles.archive import DEFLATED, STEP, Directory, Entry, read_directory, refused, shown
from gateway.install.bundles.entries import USUAL_CAPS, Caps, check_entries

CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Inspected:
    """A sound archive: the members that were asked for and are there; whether a signature (not verified) follows."""

    members: Mapping[str, bytes]
    names: tuple[str, ...]
    is_signed: bool = False

    def without(self, name: str) -> InstallError:
        """The refusal of a bundle that lacks a member."""
        deeper = [other for other in self.names if other.endswith(f"/{name}")]
        return refused(f"it has no {name} at its top" + (f" (only {shown(deeper[0])})" if deeper else ""))


def inspect(archive: Path, wanted: Mapping[str, int], caps: Caps = USUAL_CAPS) -> Inspected:
    """Check a whole archive, and read the `wanted` members of it: name -> most bytes.

    Raises: InstallError (step "unpack").
    """
    try:
        with archive.open("rb") as file:
            directory = _checked(file, caps)
            members = {}
            for entry in directory.entries:
                if entry.name in wanted:
                    if entry.size > wanted[entry.name]:
                        raise refused(f"its {entry.name} is larger than {wanted[entry.name]} bytes")
                    members[entry.name] = b"".join(_unpacked(file, entry, caps))
            return Inspected(members, tuple(entry.name for entry in directory.entries), directory.is_signed)
    except OSError as exc:
        raise _unreadable(exc) from exc


def extract(archive: Path, target: Path, caps: Caps = USUAL_CAPS) -> None:
    """Unpack `archive` into the new directory `target`; synchronous, for a worker thread.

    On refusal `target` may hold a part; the caller throws its work folder away.

    Raises: InstallError (step "unpack").
    """
    try:
        with archive.open("rb") as file:
            directory = _checked(file, caps)
            target.mkdir(mode=0o700)
            room = caps.total_bytes
            for entry in directory.entries:
                room -= _extract_one(file, entry, target, caps, room)
    except OSError as exc:
        raise _unreadable(exc) from exc


def _checked(file: IO[bytes], caps: Caps) -> Directory:
    directory = read_directory(file, max_entries=caps.entries)
    check_entries(directory.entries, caps)
    return directory


def _unreadable(exc: OSError) -> InstallError:
    return InstallError(f"the bundle could not be unpacked: {exc.strerror or exc}", step=STEP, fix="Check the disk.")


def _extract_one(file: IO[bytes], entry: Entry, target: Path, caps: Caps, room: int) -> int:
    path = target.joinpath(*entry.name.rstrip("/").split("/"))
    if entry.is_folder:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = 0o700 if entry.mode & 0o100 else 0o600
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    written = 0
    with os.fdopen(descriptor, "wb") as unpacked:
        for chunk in _unpacked(file, entry, caps):
            written += len(chunk)
            if written > room:
                raise refused(f"it unpacks to more than {caps.total_bytes} bytes")
            unpacked.write(chunk)
    return written


def _unpacked(file: IO[bytes], entry: Entry, caps: Caps) -> Iterator[bytes]:
    """Yield an entry's content, counted, and checked at its end."""
    allowed = min(entry.size, caps.most_unpacked(entry.packed))
    size, crc = 0, 0
    for chunk in _inflated(file, entry) if entry.method == DEFLATED else _packed(file, entry):
        size += len(chunk)
        if size > allowed:
            raise refused(f"the entry {shown(entry.name)} unpacks to more than it says (a bomb)")
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if size != entry.size or crc != entry.crc:
        raise refused(f"it is not a sound zip file (the entry {shown(entry.name)} is damaged)")


def _packed(file: IO[bytes], entry: Entry) -> Iterator[bytes]:
    file.seek(entry.data)
    left = entry.packed
    while left and (chunk := file.read(min(CHUNK, left))):
        left -= len(chunk)
        yield chunk


def _inflated(file: IO[bytes], entry: Entry) -> Iterator[bytes]:
    """Inflate in bounded steps: one packed chunk may become a thousand times as much."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for packed in _packed(file, entry):
            rest = packed
            while rest and not stream.eof:
                if chunk := stream.decompress(rest, CHUNK):
                    yield chunk
                rest = stream.unconsumed_tail
        while not stream.eof and (chunk := stream.decompress(b"", CHUNK)):
            yield chunk
    except zlib.error as exc:
        raise refused(f"it is not a sound zip file (the entry {shown(entry.name)} is damaged)") from exc
    if not stream.eof or stream.unused_data:
        raise refused(
            f"it is not a sound zip file (the entry {shown(entry.name)} is longer or shorter than its stream)"
        )
