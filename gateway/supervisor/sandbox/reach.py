"""What a confined server may reach, as a value: places it is given, and places that stay hidden. No I/O."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grant:
    """One place and all beneath it. `path` is its name, `real` where that leads when every link is followed."""

    path: str
    real: str
    write: bool = False


@dataclass(frozen=True, slots=True)
class Hidden:
    """A place that nobody is given, though it lie inside one that is; `real` follows every link.

    What is not ours is somebody's of this machine, and given to who is given exactly that, or something in it.
    """

    real: str
    is_folder: bool = True
    is_ours: bool = True


@dataclass(frozen=True, slots=True)
class Reach:
    """All that one server may reach in the file system."""

    grants: tuple[Grant, ...]
    hidden: tuple[Hidden, ...]
    data: str  # its own folder
    cwd: str
    given: tuple[str, ...] = ()  # what is not its own nor the system's, for people
    notes: tuple[str, ...] = ()


def is_inside(path: str, folder: str) -> bool:
    """Whether a path is `folder` or lies beneath it; both absolute and normal."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def settle(own: Iterable[Grant], system: Iterable[Grant], asked: Iterable[Grant], hidden: Iterable[Hidden]) -> Settled:
    """Join what a server has by itself with what it is asked to be given.

    Nothing that is asked for opens a hidden place, and nothing in its own places is given once more: what is in them
    may have been put there by the server.
    """
    mine, secret = tuple(own), tuple(hidden)
    kept: list[Grant] = [*mine, *system]
    given: list[str] = []
    notes: list[str] = []
    for grant in asked:
        if grant in kept or any(is_inside(grant.real, other.real) for other in mine):
            continue
        if any(is_inside(grant.real, place.real) for place in secret if place.is_ours):
            notes.append(f"{grant.path} is the gateway's own and is not given")
            continue
        inside = [place for place in secret if place.real != grant.real and is_inside(place.real, grant.real)]
        notes += [_but_for(grant, place) for place in inside]
        if _covered(grant, kept, secret):
            continue
        kept.append(grant)
        given.append(grant.path)
    return Settled(tuple(kept), tuple(given), tuple(dict.fromkeys(notes)))


def _but_for(grant: Grant, place: Hidden) -> str:
    what = "the gateway's own files in it" if place.is_ours else "what only its owner may read there"
    return f"{grant.path} is given but for {what}"


@dataclass(frozen=True, slots=True)
class Settled:
    """The grants that count, those among them that were asked for, and what is to be told."""

    grants: tuple[Grant, ...]
    given: tuple[str, ...]
    notes: tuple[str, ...]


def _covered(grant: Grant, others: Iterable[Grant], secret: Iterable[Hidden]) -> bool:
    around = [place.real for place in secret if is_inside(grant.real, place.real)]
    return any(
        is_inside(grant.path, other.path)
        and is_inside(grant.real, other.real)
        and (other.write or not grant.write)
        and not any(place != other.real and is_inside(place, other.real) for place in around)
        for other in others
    )


def absolute(path: str, base: str = "/") -> str:
    """Return a normal absolute path; `..` goes up by name."""
    joined = posixpath.normpath(posixpath.join(base, path))
    return "/" + joined.lstrip("/")


def depth_order(path: str) -> tuple[str, ...]:
    """Sorts folders before what is in them."""
    return tuple(part for part in path.split("/") if part)
