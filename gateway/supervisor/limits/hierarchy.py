"""Where the control groups of a process lie, read from the kernel's two lists. No I/O.

Version 1 has one tree of folders per controller, version 2 one tree for all of them; a machine may have both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

CONTROLLERS = ("memory", "pids", "cpu")
"""What a server is limited by."""


@dataclass(frozen=True, slots=True)
class Own:
    """A process's own groups: `unified` in version 2's tree, `parted` by controller in those of version 1."""

    unified: Path | None
    parted: dict[str, Path]


def own_groups(cgroup: str, mountinfo: str) -> Own:
    """Read /proc/self/cgroup and /proc/self/mountinfo."""
    mounts = _mounts(mountinfo)
    unified: Path | None = None
    parted: dict[str, Path] = {}
    for line in cgroup.splitlines():
        number, _, rest = line.partition(":")
        names, _, place = rest.partition(":")
        if number == "0":
            unified = _folder(mounts.get(""), place)
            continue
        for name in set(names.split(",")) & set(CONTROLLERS):
            folder = _folder(mounts.get(name), place)
            if folder is not None:
                parted[name] = folder
    return Own(unified, parted)


def _mounts(mountinfo: str) -> dict[str, tuple[str, str]]:
    """Each version 1 controller (version 2: the empty name) with the (root, mount point) of its tree."""
    found: dict[str, tuple[str, str]] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if len(fields) < 5 or len(kinds) < 3:
            continue
        if kinds[0] == "cgroup2":
            found.setdefault("", (fields[3], fields[4]))
        elif kinds[0] == "cgroup":
            for option in kinds[2].split(","):
                found.setdefault(option, (fields[3], fields[4]))
    return found


def _folder(mount: tuple[str, str] | None, place: str) -> Path | None:
    """Where a group of this name is to be seen; a container sees only what lies below its own root."""
    if mount is None:
        return None
    root, point = PurePosixPath(mount[0]), Path(mount[1])
    path = PurePosixPath(place)
    return point / path.relative_to(root) if path.is_relative_to(root) else point


def limit_in(text: str) -> int | None:
    """Read a memory limit; None: there is none. Version 1 spells that as the largest number of pages."""
    text = text.strip()
    value = int(text) if text.isdigit() else None
    return value if value is not None and value < 2**62 else None


def counted(text: str, name: str) -> int:
    """Read one count of a file with a name and a number on each line; 0 when it is not there."""
    pairs = (line.split() for line in text.splitlines())
    return next((int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0] == name and pair[1].isdigit()), 0)
