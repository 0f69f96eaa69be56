"""Version numbers as npm and programs spell them, made comparable. No I/O."""

from __future__ import annotations

import re
from typing import NamedTuple

_SEMVER = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)
_ANY = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?", re.ASCII)


class Semver(NamedTuple):
    """Sort key of a release; pre-releases carry their tag and are compared by number only."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""


def semver_key(version: str) -> Semver | None:
    """Read an exact semantic version; None when it is not one."""
    match = _SEMVER.fullmatch(version)
    if match is None:
        return None
    return Semver(int(match[1]), int(match[2]), int(match[3]), match[4] or "")


def program_version(output: str) -> tuple[int, int, int] | None:
    """Find the version in what a program prints for `--version`; None when there is none."""
    match = _ANY.search(output)
    if match is None:
        return None
    return int(match[1]), int(match[2] or 0), int(match[3] or 0)
