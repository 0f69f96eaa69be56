"""`Groups`: the control groups of all servers, below the one that was given to us. Each start has one of its own.

Slow where the kernel is slow: for a worker thread, all but `limit` and `of`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.supervisor.limits.ceilings import Ceilings
from gateway.supervisor.limits.group import Folders, Group, KernelFolders

log = structlog.get_logger("supervisor")

UNUSED_S: Final = 60.0
"""A group that nobody entered for so long was made for a start that failed."""


@dataclass(frozen=True, slots=True)
class News:
    """What the kernel did in a group since the last look: `root` is the group's first process."""

    root: int
    killed: int
    forks_refused: int


@dataclass(slots=True)
class Used:
    """A group, when it was made, and the first process in it (once it is known)."""

    group: Group
    made_at: float
    root: int | None = None
    forks_refused: int = 0
    killed: int = 0

    def news(self, root: int) -> list[News]:
        """Return what is new, if anything is."""
        killed, refused = self.group.oom_kills, self.group.forks_refused
        found = News(root, killed - self.killed, refused - self.forks_refused)
        self.killed, self.forks_refused = killed, refused
        return [found] if found.killed or found.forks_refused else []


class Groups:
    """`bases`: for each controller the folder in which the servers' groups are made."""

    def __init__(
        self, bases: Mapping[str, Path], *, version: int, clock: Clock, folders: Folders | None = None
    ) -> None:
        self.kinds = frozenset(bases)
        self._bases = dict(bases)
        self._version = version
        self._clock = clock
        self._folders = folders or KernelFolders()
        self._used: dict[str, Used] = {}
        self._by_root: dict[int, Used] = {}
        self._ending: list[Group] = []

    def limit(self, server: str, allowed: Ceilings) -> Group | None:
        """Make the group of one start; None (and a line in the log) when the kernel does not let us."""
        name = next(name for name in _names(server) if name not in self._used and not self._is_there(name))
        group = self._group(name)
        try:
            group.make(allowed)
        except OSError as exc:
            log.warning("no_control_group", server=server, reason=str(exc))
            self._ending.append(group)
            return None
        self._used[name] = Used(group, self._clock.now())
        return group

    def of(self, root: int) -> Used | None:
        """Return the group that a server's first process is in."""
        if root not in self._by_root:
            for used in list(self._used.values()):
                if used.root is None and root in used.group.members:
                    used.root, self._by_root[root] = root, used
        return self._by_root.get(root)

    def look(self, living: Container[int]) -> list[News]:
        """Find out who is in which group, end the groups of those that are gone, and return what the kernel did."""
        news = []
        for name, used in list(self._used.items()):
            if used.root is None:
                used.root = next((pid for pid in used.group.members if pid in living), None)
            is_unused = used.root is None and self._clock.now() - used.made_at > UNUSED_S
            if is_unused or (used.root is not None and used.root not in living):
                self._ending.append(used.group)
                del self._used[name]
            elif used.root is not None:
                news += used.news(used.root)
        self._ending = [group for group in self._ending if not group.end()]
        self._by_root = {used.root: used for used in self._used.values() if used.root is not None}
        return news

    def close(self) -> bool:
        """End every group, and what they were made in; return whether all are gone."""
        self._ending += [used.group for used in self._used.values()]
        self._used.clear()
        return self.sweep() and Group(self._bases, version=self._version, folders=self._folders).end()

    def sweep(self) -> bool:
        """End the groups that are there, those of an earlier life of the gateway too; return whether none is left."""
        names = {place.name for base in self._bases.values() for place in base.glob("*/") if place.is_dir()}
        left = [group for group in (self._group(name) for name in sorted(names)) if not group.end()]
        self._ending = [group for group in self._ending if not group.end()]
        return not (left or self._ending)

    def _group(self, name: str) -> Group:
        places = {kind: base / name for kind, base in self._bases.items()}
        return Group(places, version=self._version, folders=self._folders)

    def _is_there(self, name: str) -> bool:
        return any((base / name).exists() for base in self._bases.values())


def _names(server: str) -> Iterator[str]:
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", server)  # a dot would be taken for one of the kernel's own files
    yield plain
    number = 2
    while True:
        yield f"{plain}-{number}"
        number += 1
