"""The command line of bwrap that starts a server confined. Environment variables are never among its words. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from gateway.supervisor.sandbox.reach import Grant, Hidden, Reach, depth_order, is_inside

BASE: Final = ("--die-with-parent", "--unshare-pid", "--cap-drop", "ALL")
FURTHER: Final = ("ipc", "net")
"""More namespaces, where they are allowed. The host's name and control groups are no secrets."""
TMP_BYTES: Final = 1 << 30
"""Of its private /tmp, which is memory; the place for temporary files is in its own folder."""

_TMP: Final = "/tmp"  # noqa: S108 - the server's own
OWN_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "/proc": ("--proc", "/proc"),
    "/dev": ("--dev", "/dev"),
    _TMP: ("--size", str(TMP_BYTES), "--tmpfs", _TMP),
}


def command(
    bwrap: str,
    reach: Reach,
    links: Mapping[str, str],
    argv: Sequence[str],
    *,
    namespaces: Iterable[str],
    machine: Iterable[str] = (),
) -> list[str]:
    """Return the words that start `argv`.

    `links` are symbolic links to be made (name to target), `namespaces` those of `FURTHER` that it gets, `machine` the
    places in /proc that are the whole machine's.
    """
    steps = {**_own_places(reach), **_links(reach, links), "/proc": proc(machine)}
    for grant in sorted(reach.grants, key=lambda grant: grant.write):
        steps |= {place: _bind(grant, place) for place in _names(grant, reach) if place not in links}
    steps |= {place.real: _cover(place) for place in reach.hidden if _shows(place, reach.grants)}
    words = [word for place in sorted(steps, key=depth_order) for word in steps[place]]
    further = [f"--unshare-{name}" for name in namespaces]
    closed = [] if _has(reach, "/") else ["--remount-ro", "/"]
    return [bwrap, *BASE, *further, *words, *closed, "--chdir", reach.cwd, "--", *argv]


def proc(machine: Iterable[str]) -> tuple[str, ...]:
    """The words for a /proc of its own, in which what is the machine's may be read and no more.

    bwrap's own cover of some of it is not enough: it asks whether it may write to the folder, which root without
    capabilities may not, while the files in it go by the user alone.
    """
    return (*OWN_PLACES["/proc"], *(word for place in machine for word in ("--ro-bind-try", place, place)))


def _own_places(reach: Reach) -> dict[str, tuple[str, ...]]:
    places = dict(OWN_PLACES)
    if _has(reach, "/") or _has(reach, _TMP):
        del places[_TMP]
    return places


def _links(reach: Reach, links: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {} if _has(reach, "/") else {name: ("--symlink", target, name) for name, target in links.items()}


def _has(reach: Reach, real: str) -> bool:
    return any(grant.real == real for grant in reach.grants)


def _names(grant: Grant, reach: Reach) -> list[str]:
    """Where it is to be seen: its real place, and its name where no other grant shows the link that leads there."""
    is_shown = any(other != grant and is_inside(grant.path, other.path) for other in reach.grants)
    return [grant.real] if grant.path == grant.real or is_shown else [grant.real, grant.path]


def _bind(grant: Grant, place: str) -> tuple[str, ...]:
    if not grant.write:
        return ("--ro-bind-try", grant.real, place)
    return ("--dev-bind-try" if is_inside(grant.real, "/dev") else "--bind-try", grant.real, place)


def _cover(place: Hidden) -> tuple[str, ...]:
    return ("--tmpfs", place.real) if place.is_folder else ("--ro-bind", "/dev/null", place.real)


def _shows(place: Hidden, grants: Sequence[Grant]) -> bool:
    reals = {grant.real for grant in grants}
    return place.real not in reals and any(is_inside(place.real, real) for real in reals)
