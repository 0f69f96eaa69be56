"""Checks the locks that npm and uv made for us: everything pinned, hashed, and from a registry. No I/O."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import InstallError, RefusedByPolicy

STEP = "lock"


@dataclass(frozen=True, slots=True)
class NpmLock:
    """What matters of a package-lock.json."""

    version: str  # of the package that was asked for
    packages: int
    with_scripts: tuple[str, ...]  # packages whose install scripts will not be run
    digest: str


def read_npm_lock(data: bytes, package: str) -> NpmLock:
    """Check an npm lock.

    Raises: RefusedByPolicy for anything without integrity or from elsewhere; InstallError when it is no lock.
    """
    try:
        entries: dict[str, Any] = json.loads(data)["packages"]
        own = entries[f"node_modules/{package}"]["version"]
    except (ValueError, KeyError, TypeError) as exc:
        raise InstallError(f"npm made no usable lock for {package}", step=STEP) from exc
    scripted: list[str] = []
    for place, entry in entries.items():
        if not place:
            continue
        why = _why_unpinned(place, entry)
        if why is not None:
            raise RefusedByPolicy(f"{package} depends on {place[:100]!a}, which {why}", fix="Choose another server.")
        if entry.get("hasInstallScript"):
            scripted.append(place.rpartition("node_modules/")[2])
    return NpmLock(str(own), len(entries) - 1, tuple(scripted), _digest("npm", package, _canonical(entries)))


def _why_unpinned(place: str, entry: Mapping[str, Any]) -> str | None:
    if not place.startswith("node_modules/") or entry.get("link"):
        return "is a folder, not a package"
    resolved = entry.get("resolved", "")
    if resolved and not str(resolved).startswith(("https://", "http://")):
        return "does not come from a registry"
    if not entry.get("integrity") and not entry.get("inBundle"):
        return "has no integrity hash"
    return None


def _canonical(entries: Mapping[str, Any]) -> str:
    # Where a file was downloaded from differs between mirrors; what it is (its hash) does not.
    kept = {
        place: {key: value for key, value in entry.items() if key != "resolved"} for place, entry in entries.items()
    }
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class UvLock:
    """What matters of a hashed requirements file."""

    version: str | None  # of the package that was asked for; None when it is not among them
    packages: int
    digest: str


_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")


def read_uv_lock(text: str, package: str, *, salt: str) -> UvLock:
    """Check a uv lock; `salt` names what else decides the content (Python's version, the platform).

    Raises: RefusedByPolicy for an entry that is not an exact version with a hash.
    """
    logical = [line.strip() for line in text.replace("\\\n", " ").split("\n")]
    entries = [line for line in logical if line and not line.startswith("#")]
    version = None
    for entry in entries:
        match = _PINNED.match(entry)
        if match is None or "--hash=sha256:" not in entry or " @ " in entry:
            raise RefusedByPolicy(
                f"{package} depends on {entry.split()[0][:80]!a}, which is not pinned by version and hash",
                fix="Choose another server.",
            )
        if normalised(match["name"]) == normalised(package):
            version = match["version"]
    return UvLock(version, len(entries), _digest("pypi", package, salt, *sorted(" ".join(e.split()) for e in entries)))


def normalised(name: str) -> str:
    """A PyPI name in its canonical spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def combined_digest(*digests: str) -> str:
    """One digest for a content that is made of several."""
    return _digest("combined", *digests)
