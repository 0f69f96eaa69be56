"""Unpacks MCPB bundles: an own extractor that refuses, because the standard one renames, follows and never stops.

It knows zip files and nothing of manifests. Everything is checked from the directory before the first byte is
written, and counted again while writing, since a directory may lie.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway.errors import InstallError

STEP = "unpack"
CHUNK = 65536
_DEVICE_NAMES = {"con", "prn", "aux", "nul"}


@dataclass(frozen=True, slots=True)
class Caps:
    """How large a bundle may be."""

    entries: int = 10_000
    total_bytes: int = 512 * 1024 * 1024
    ratio: int = 100
    # Small files compress wonderfully (a page of blanks); the ratio says nothing about them.
    ratio_from_bytes: int = 64 * 1024
    path_chars: int = 500


def read_member(archive: Path, name: str, max_bytes: int) -> bytes:
    """Read one member whole, if it is not larger than `max_bytes`.

    Raises: InstallError.
    """
    try:
        with zipfile.ZipFile(archive) as bundle, bundle.open(name) as member:
            data = member.read(max_bytes + 1)
    except KeyError as exc:
        raise _refused(f"it has no {name}") from exc
    except _BROKEN as exc:
        raise _refused("it is not a sound zip file") from exc
    except OSError as exc:
        raise _unreadable(exc) from exc
    if len(data) > max_bytes:
        raise _refused(f"its {name} is larger than {max_bytes} bytes")
    return data


_BROKEN = (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, ValueError, zlib.error)


def extract(archive: Path, target: Path, caps: Caps = Caps()) -> None:
    """Unpack `archive` into the new directory `target`; synchronous, for a worker thread.

    On refusal `target` may hold a part; the caller throws its work folder away.

    Raises: InstallError (step "unpack").
    """
    try:
        with zipfile.ZipFile(archive) as bundle:
            members = bundle.infolist()
            _check_directory(members, caps)
            target.mkdir(mode=0o700)
            written = 0
            for member in members:
                written += _extract_one(bundle, member, target, caps, caps.total_bytes - written)
    except _BROKEN as exc:
        raise _refused("it is not a sound zip file") from exc
    except OSError as exc:
        raise _unreadable(exc) from exc


def _unreadable(exc: OSError) -> InstallError:
    return InstallError(f"the bundle could not be unpacked: {exc.strerror or exc}", step=STEP, fix="Check the disk.")


def _check_directory(members: list[zipfile.ZipInfo], caps: Caps) -> None:
    if len(members) > caps.entries:
        raise _refused(f"it has {len(members)} entries, more than {caps.entries}")
    seen: dict[str, str] = {}
    folders: set[str] = set()
    for member in members:
        _check_member(member, caps)
        folded = member.filename.rstrip("/").casefold()
        if folded in seen:
            raise _refused(f"two entries are called {_shown(seen[folded])} (upper and lower case apart)")
        seen[folded] = member.filename
        parents = folded.split("/")[:-1]
        folders.update("/".join(parents[: depth + 1]) for depth in range(len(parents)))
    for folder in folders:
        if folder in seen and not seen[folder].endswith("/"):
            raise _refused(f"{_shown(seen[folder])} is both a file and a folder")
    declared = sum(member.file_size for member in members)
    if declared > caps.total_bytes:
        raise _refused(f"it unpacks to {declared} bytes, more than {caps.total_bytes}")


def _check_member(member: zipfile.ZipInfo, caps: Caps) -> None:
    name = member.filename
    why = _why_bad_name(name, member.orig_filename, caps)
    if why is not None:
        raise _refused(f"the entry {_shown(name)} {why}")
    mode = member.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise _refused(f"the entry {_shown(name)} is a {_KINDS.get(kind, 'special file')}")
    if (kind == stat.S_IFDIR) != name.endswith("/") and kind != 0:
        raise _refused(f"the entry {_shown(name)} is half a file, half a folder")
    if mode & (stat.S_ISUID | stat.S_ISGID):
        raise _refused(f"the entry {_shown(name)} is setuid or setgid")
    if member.flag_bits & 0x1:
        raise _refused(f"the entry {_shown(name)} is encrypted")
    if member.file_size > caps.ratio_from_bytes and member.file_size > caps.ratio * max(member.compress_size, 1):
        raise _refused(f"the entry {_shown(name)} is packed more than {caps.ratio} times (a bomb)")


_KINDS = {
    stat.S_IFLNK: "symbolic link",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}


def _why_bad_name(name: str, original: str, caps: Caps) -> str | None:
    """Say why a member's name is refused; the original is what the file says, before `zipfile` cut it at NUL."""
    if "\0" in original or any(ord(char) < 32 or ord(char) == 127 for char in name):
        return "has control characters in its name"
    if "\\" in original:
        return "has a backslash in its name"
    if len(name) > caps.path_chars:
        return f"has a name longer than {caps.path_chars} characters"
    if name.startswith("/"):
        return "has an absolute name"
    if ":" in name:
        return "names a drive or a stream"
    return next((why for part in name.removesuffix("/").split("/") if (why := _why_bad_part(part))), None)


def _why_bad_part(part: str) -> str | None:
    if part in {"..", "."}:
        return "climbs out of the bundle"
    if not part:
        return "has an empty part in its name"
    if part.split(".", maxsplit=1)[0].lower() in _DEVICE_NAMES or part != part.rstrip(" ."):
        return "has a name that means something else on another system"
    return None


def _extract_one(bundle: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, caps: Caps, room: int) -> int:
    path = target.joinpath(*member.filename.split("/"))
    if member.is_dir():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    executable = bool((member.external_attr >> 16) & 0o100)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o700 if executable else 0o600)
    with os.fdopen(descriptor, "wb") as file, bundle.open(member) as packed:
        return _copy(packed, file, member, caps, room)


def _copy(packed: IO[bytes], file: IO[bytes], member: zipfile.ZipInfo, caps: Caps, room: int) -> int:
    """Copy with the caps counted on real bytes: the sizes in a zip's directory are its author's words."""
    written = 0
    allowed = max(caps.ratio_from_bytes, caps.ratio * max(member.compress_size, 1))
    while chunk := packed.read(CHUNK):
        written += len(chunk)
        if written > room:
            raise _refused(f"it unpacks to more than {caps.total_bytes} bytes")
        if written > allowed:
            raise _refused(f"the entry {_shown(member.filename)} is packed more than {caps.ratio} times (a bomb)")
        file.write(chunk)
    return written


def _refused(why: str) -> InstallError:
    return InstallError(f"the bundle is refused: {why}", step=STEP, fix="Do not use it; tell its publisher.")


def _shown(name: str) -> str:
    return ascii(name[:100])
