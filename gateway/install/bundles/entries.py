"""What the entries of a bundle may be: names, kinds and sizes. All else is refused, never repaired. No I/O."""

from __future__ import annotations

import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.install.bundles.archive import Entry, refused, shown

_DEVICE_NAMES = {"con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(1, 10))}
_MAX_PART_BYTES = 255  # the longest name that common file systems take
_KINDS = {
    stat.S_IFLNK: "symbolic link",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}


@dataclass(frozen=True, slots=True)
class Caps:
    """How large a bundle may be."""

    entries: int = 10_000
    total_bytes: int = 512 * 1024 * 1024
    ratio: int = 100
    # Small files compress wonderfully (a page of blanks); the ratio says nothing about them.
    ratio_from_bytes: int = 64 * 1024
    path_chars: int = 500

    def most_unpacked(self, packed: int) -> int:
        """How much an entry of `packed` bytes may unpack to."""
        return max(self.ratio_from_bytes, self.ratio * max(packed, 1))


USUAL_CAPS = Caps()


def check_entries(entries: Sequence[Entry], caps: Caps) -> None:
    """Look at every entry before the first byte is written.

    Raises: InstallError (step "unpack").
    """
    seen: dict[str, str] = {}
    folders: set[str] = set()
    for entry in entries:
        _check_entry(entry, caps)
        folded = unicodedata.normalize("NFC", entry.name.rstrip("/")).casefold()
        if folded in seen:
            raise refused(f"two entries are called {shown(seen[folded])} (upper and lower case apart)")
        seen[folded] = entry.name
        parents = folded.split("/")[:-1]
        folders.update("/".join(parents[: depth + 1]) for depth in range(len(parents)))
    for folder in sorted(folders):
        if folder in seen and not seen[folder].endswith("/"):
            raise refused(f"{shown(seen[folder])} is both a file and a folder")
    declared = sum(entry.size for entry in entries)
    if declared > caps.total_bytes:
        raise refused(f"it unpacks to {declared} bytes, more than {caps.total_bytes}")


def _check_entry(entry: Entry, caps: Caps) -> None:
    why = _why_bad_name(entry.name, caps) or _why_bad_kind(entry)
    if why is None and entry.size > caps.most_unpacked(entry.packed):
        why = f"is packed more than {caps.ratio} times (a bomb)"
    if why is not None:
        raise refused(f"the entry {shown(entry.name)} {why}")


def _why_bad_kind(entry: Entry) -> str | None:
    kind = stat.S_IFMT(entry.mode)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return f"is a {_KINDS.get(kind, 'special file')}"
    says_folder = kind == stat.S_IFDIR or entry.is_dos_folder
    if says_folder != entry.is_folder and (says_folder or kind != 0):
        return "is half a file, half a folder"
    if entry.is_folder and entry.size:
        return "is a folder with a content"
    if entry.mode & (stat.S_ISUID | stat.S_ISGID):
        return "is setuid or setgid"
    return None


def _why_bad_name(name: str, caps: Caps) -> str | None:
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in name):
        return "has control or invisible characters in its name"
    if "\\" in name:
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
    if len(part.encode()) > _MAX_PART_BYTES:
        return f"has a part of its name that is longer than {_MAX_PART_BYTES} bytes"
    if part.split(".", maxsplit=1)[0].lower() in _DEVICE_NAMES or part != part.rstrip(" ."):
        return "has a name that means something else on another system"
    return None
