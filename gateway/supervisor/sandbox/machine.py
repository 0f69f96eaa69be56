"""What is the machine's, and not a server's: the system's folders, what is private in them, and what /proc shares."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from gateway.supervisor.sandbox.reach import Hidden

SYSTEM: Final = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/etc", "/nix/store", "/gnu/store",
    "/sys/devices/system/cpu",
)  # fmt: skip
"""Programs, libraries and settings that every user of a machine may read."""

SYSTEM_LINKS: Final = (
    "/etc/resolv.conf",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/localtime",
    "/etc/pki/tls/certs",
)
"""Some of these lead out of the system's folders."""

PRIVATE_IN: Final[Mapping[str, int]] = {"/etc": 16, "/opt": 3, "/usr/local": 3}
"""Where people put what is not for everybody, and how many folders deep it is looked for at each start."""

_WRITABLE: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def system() -> list[str]:
    """Return the system's places that exist here."""
    links = [os.path.realpath(place) for place in SYSTEM_LINKS if os.path.lexists(place)]
    return [place for place in (*SYSTEM, *links) if Path(place).exists()]


def system_links() -> dict[str, str]:
    """The system's folders that are links to others (/bin to usr/bin), with what they lead to."""
    return {place: str(Path(place).readlink()) for place in SYSTEM if Path(place).is_symlink()}


def machine_places(root: str = "/proc") -> list[str]:
    """What in /proc is the machine's and could be changed there: settings, and files that are commands.

    Who may change them goes by the user and not by its capabilities: a server of a gateway that runs as root could.
    """
    return [entry.path for entry in _entries(root) if not entry.name.isdigit() and _is_changeable(entry)]


def _is_changeable(entry: os.DirEntry[str]) -> bool:
    mode = _mode(entry)
    return stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and bool(mode & _WRITABLE))


def private_settings(roots: Mapping[str, int] = PRIVATE_IN) -> tuple[Hidden, ...]:
    """What in the system's folders is not for everybody, though this user may read it.

    Only what is the user's own has to be kept from its servers; the system keeps the rest, except from root.
    """
    user = os.geteuid()
    return tuple(place for root, depth in roots.items() for place in _unshared(root, depth, user))


def _unshared(folder: str, depth: int, user: int) -> Iterator[Hidden]:
    for entry in _entries(folder):
        mode = _mode(entry)
        if stat.S_ISLNK(mode) or mode == 0:
            continue
        is_folder = stat.S_ISDIR(mode)
        if not mode & stat.S_IROTH or (is_folder and not mode & stat.S_IXOTH):
            if user in {0, entry.stat(follow_symlinks=False).st_uid}:
                yield Hidden(entry.path, is_folder, is_ours=False)
        elif is_folder and depth > 1:
            yield from _unshared(entry.path, depth - 1, user)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return []


def _mode(entry: os.DirEntry[str]) -> int:
    """What kind of thing it is, and for whom; 0 when it is gone again."""
    try:
        return entry.stat(follow_symlinks=False).st_mode
    except OSError:
        return 0
