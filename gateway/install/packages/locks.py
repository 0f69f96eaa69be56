"""Checks the locks that npm and uv made for us: everything pinned, hashed, and from a registry. No I/O."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

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
        if place == f"node_modules/{package}" and entry.get("name", package) != package:
            raise RefusedByPolicy(
                f"{package} turned out to be {str(entry['name'])[:100]!a}", fix="Install that one by its own name."
            )
        if entry.get("hasInstallScript"):
            scripted.append(place.rpartition("node_modules/")[2])
    return NpmLock(str(own), len(entries) - 1, tuple(scripted), _digest("npm", package, _canonical(entries)))


def _why_unpinned(place: str, entry: Mapping[str, Any]) -> str | None:
    if not place.startswith("node_modules/") or entry.get("link"):
        return "is a folder, not a package"
    if entry.get("inBundle"):
        return None  # it travels within another package's file, whose hash covers it
    if entry.get("resolved"):
        return "does not come from the configured registry"
    if not str(entry.get("integrity", "")).startswith(_STRONG):
        return "has no integrity hash (of SHA-256 or better)"
    if _NPM_NAME.fullmatch(_npm_name(place, entry)) is None:
        return "has a name that no package can have"
    return None


_STRONG = ("sha256-", "sha384-", "sha512-")
_NPM_NAME = re.compile(r"(?:@[A-Za-z0-9~_-][A-Za-z0-9._~-]*/)?[A-Za-z0-9~_-][A-Za-z0-9._~-]*", re.ASCII)


def _npm_name(place: str, entry: Mapping[str, Any]) -> str:
    """The package's own name; an alias (`npm:other@1`) has another folder."""
    return str(entry.get("name") or place.rpartition("node_modules/")[2])


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
    entries = _uv_entries(text)
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


def _uv_entries(text: str) -> list[str]:
    logical = [line.strip() for line in text.replace("\\\n", " ").split("\n")]
    return [line for line in logical if line and not line.startswith("#")]


def read_uploads(text: str) -> dict[str, float | None]:
    """When each package of a pylock.toml was uploaded (its newest file), in seconds since the epoch; None: unknown."""
    try:
        packages = tomllib.loads(text).get("packages", [])
    except tomllib.TOMLDecodeError:
        return {}
    uploads: dict[str, float | None] = {}
    for package in packages:
        moments = [wheel.get("upload-time") for wheel in package.get("wheels", [])]
        known = [moment.timestamp() for moment in moments if isinstance(moment, datetime)]
        uploads[f"{package.get('name')} {package.get('version')}"] = max(known) if len(known) == len(moments) else None
    return uploads


def normalised(name: str) -> str:
    """A PyPI name in its canonical spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class Component(msgspec.Struct, frozen=True):
    """One package of a lock. `integrity`: the hashes that its file may have, as the lock spells them."""

    kind: str  # npm | pypi
    name: str
    version: str
    integrity: tuple[str, ...] = ()
    place: str = ""  # its folder, where that is not its name (an alias, a nested copy)
    has_scripts: bool = False  # install scripts, which were not run


def npm_components(text: str) -> list[Component]:
    """The packages of a package-lock.json; none when it is not one."""
    try:
        entries: dict[str, Any] = json.loads(text)["packages"]
    except (ValueError, KeyError, TypeError):
        return []
    found = []
    for place, entry in entries.items():
        if place:
            name, inside = _npm_name(place, entry), place.removeprefix("node_modules/")
            integrity = str(entry.get("integrity", ""))
            hashes = tuple(integrity.split()) if integrity else ()
            more = (inside if inside != name else "", bool(entry.get("hasInstallScript")))
            found.append(Component("npm", name, str(entry.get("version", "")), hashes, *more))
    return found


def uv_components(text: str) -> list[Component]:
    """The packages of a hashed requirements file."""
    found = []
    for entry in _uv_entries(text):
        match = _PINNED.match(entry)
        if match is not None:
            hashes = tuple(sorted(re.findall(r"--hash=(sha256:[0-9a-f]{64})", entry)))
            found.append(Component("pypi", normalised(match["name"]), match["version"], hashes))
    return found


def combined_digest(*digests: str) -> str:
    """One digest for a content that is made of several."""
    return _digest("combined", *digests)
