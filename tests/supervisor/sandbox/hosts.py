"""Machines that can this or that, as values for the pure modules."""

from __future__ import annotations

from gateway.supervisor.sandbox.deciding import Ability, Host

YES = Ability(True)


def no(why: str = "it is not installed", fix: str = "Install it.") -> Ability:
    """Something that does not work."""
    return Ability(False, why, fix)


def host(
    *,
    landlock: Ability = YES,
    bwrap: Ability = YES,
    filters: Ability = YES,
    namespaces: tuple[str, ...] = ("ipc", "net"),
    version: int = 7,
) -> Host:
    """A machine that can everything but what is said."""
    return Host(
        landlock=landlock,
        bwrap=bwrap,
        filters_sockets=filters,
        landlock_version=version if landlock.works else 0,
        namespaces=namespaces if bwrap.works else (),
        bwrap_path="/usr/bin/bwrap" if bwrap.works else "",
        has_scopes=landlock.works and version >= 6,
    )
