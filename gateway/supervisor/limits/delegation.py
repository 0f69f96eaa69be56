"""Finds out whether control groups were given to us, and makes them usable: who limits the servers, the kernel or we.

Under systemd (`Delegate=`) our own group is ours alone. Version 2 lets no group have both processes and groups with
limits, so all that run in ours move into a leaf of their own first.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from gateway.clock import Clock
from gateway.errors import GatewayError
from gateway.supervisor.limits.group import Folders, KernelFolders, write
from gateway.supervisor.limits.groups import Groups
from gateway.supervisor.limits.hierarchy import CONTROLLERS, Own, limit_in, own_groups
from gateway.supervisor.processes.descendants import descendants

LEAF: Final = "daemon"
SERVERS: Final = "servers"
NEEDED: Final = {"memory", "pids"}

FIX: Final = 'Run the gateway under systemd (its unit delegates them), or set limits = "watch" in [gateway].'


class _NotOurs(Exception):
    """Why no control groups can be used."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What stands in the kernel's files, or in those of a test."""

    proc: Path = Path("/proc")
    folders: Folders = field(default_factory=KernelFolders)

    def own(self) -> Own:
        """The groups that this process is in."""
        try:
            cgroup = (self.proc / "self" / "cgroup").read_text(encoding="utf-8")
            mountinfo = (self.proc / "self" / "mountinfo").read_text(encoding="utf-8")
        except OSError:
            return Own(None, {})
        return own_groups(cgroup, mountinfo)

    def memory_bytes(self) -> int:
        """How much memory there is for us: the machine's, or less where a group of ours is limited to less."""
        own = self.own()
        places = [own.parted[name] for name in ("memory",) if name in own.parted] + (
            [own.unified] if own.unified else []
        )
        limits = [
            limit
            for place in places
            for folder in (place, *place.parents)
            for name in ("memory.max", "memory.limit_in_bytes")
            if (limit := _limit(folder / name)) is not None
        ]
        return min([psutil.virtual_memory().total, *limits])


def groups_for(
    mode: str, env: Mapping[str, str], *, tag: str, clock: Clock, machine: Machine | None = None
) -> Groups | None:
    """Return the groups to limit servers with; None: they are watched instead.

    `mode` as in the configuration. `tag` tells several gateways on one machine apart.

    Raises: GatewayError, when control groups are asked for and cannot be had.
    """
    machine = machine or Machine()
    if mode == "watch" or (mode == "auto" and "INVOCATION_ID" not in env):
        return None
    try:
        groups: Groups | None = _unified(machine, clock)
    except _NotOurs as exc:
        groups = _parted(machine, tag, clock) if mode == "cgroup" else None
        if groups is None and mode == "cgroup":
            raise GatewayError(f"control groups cannot be used here: {exc}", fix=FIX, code="limits") from exc
    if groups is not None:
        groups.sweep()
    return groups


def _unified(machine: Machine, clock: Clock) -> Groups:
    """Version 2. Raises: _NotOurs."""
    own = machine.own().unified
    if own is None:
        raise _NotOurs("there are none of version 2")
    if own.name == LEAF and (own.parent / SERVERS).is_dir():
        own = own.parent  # an earlier life of ours has moved us there
    there = set(_words(own / "cgroup.controllers")) & set(CONTROLLERS)
    if not there >= NEEDED:
        raise _NotOurs(f"{own} has no {' and no '.join(sorted(NEEDED - there))} controller")
    if not os.access(own / "cgroup.subtree_control", os.W_OK):
        raise _NotOurs(f"{own} was not given to us")
    _check_alone(own)
    try:
        _move_into_leaf(own, machine.folders)
        base = own / SERVERS
        wanted = " ".join(f"+{name}" for name in CONTROLLERS if name in there)
        write(own / "cgroup.subtree_control", wanted)
        if not base.is_dir():
            machine.folders.make(base)
        write(base / "cgroup.subtree_control", wanted)
    except OSError as exc:
        raise _NotOurs(f"{own}: {exc.strerror}") from exc
    return Groups(dict.fromkeys(sorted(there), base), version=2, clock=clock, folders=machine.folders)


def _check_alone(own: Path) -> None:
    """Only a group that holds nobody but us may be parted. Raises: _NotOurs."""
    ours = {os.getpid(), os.getppid(), *descendants(os.getpid())}
    strangers = {int(pid) for pid in _words(own / "cgroup.procs")} - ours
    if strangers:
        raise _NotOurs(f"{own} holds other processes too, {min(strangers)} for one")


def _move_into_leaf(own: Path, folders: Folders) -> None:
    """Move what runs in our group into a leaf of it. Raises: OSError."""
    leaf = own / LEAF
    if not leaf.is_dir():
        folders.make(leaf)
    for pid in _words(own / "cgroup.procs"):
        write(leaf / "cgroup.procs", pid)


def _parted(machine: Machine, tag: str, clock: Clock) -> Groups | None:
    """Version 1: below our own group of each controller, as far as we may."""
    bases: dict[str, Path] = {}
    for name, own in machine.own().parted.items():
        base = own / f"mcp-gateway-{tag}"
        try:
            if not base.is_dir():
                machine.folders.make(base)
        except OSError:
            continue
        bases[name] = base
    return Groups(bases, version=1, clock=clock, folders=machine.folders) if bases.keys() & NEEDED else None


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").split()
    except OSError:
        return []


def _limit(file: Path) -> int | None:
    try:
        return limit_in(file.read_text(encoding="ascii"))
    except OSError:
        return None
