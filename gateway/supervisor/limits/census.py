"""Looks at all processes in one pass and adds up what each server's take. Slow for a loop: for a worker thread.

Whoever is not ours is looked at again only now and then, so that a machine full of other processes costs little. Where
there is no /proc, psutil looks at the servers' first processes and what descends from them.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from gateway.supervisor.limits.ceilings import Usage
from gateway.supervisor.limits.kin import Kin, Sessions, sessions_of
from gateway.supervisor.limits.trees import Name, Owners, part
from gateway.supervisor.processes import procfs
from gateway.supervisor.processes.memory_files import held_bytes
from gateway.supervisor.processes.procfs import TICK_S, Seen

HAS_PROC: Final = Path(procfs.PROC, "self", "stat").exists()

ANEW_ROUNDS: Final = 10
"""How often strangers are looked at again: a number may have passed from one of them to one of ours."""

FILES_ROUNDS: Final = 5
"""How often descriptors are looked at, of a server that works a little."""

MUCH_WORK_TICKS: Final = max(1, round(0.05 / TICK_S))
"""One that has worked so much since is looked at every time: it may have filled a file in memory."""


@dataclass(slots=True)
class Look:
    """What was seen: of each living server (by the pid of its first process) its processes and what they take."""

    usage: dict[int, Usage] = field(default_factory=dict)
    trees: dict[int, list[Seen]] = field(default_factory=dict)
    open_fds: dict[int, int] = field(default_factory=dict)
    left: list[Seen] = field(default_factory=list)  # they live on although their server's life is over
    has_strange: bool = False  # there are some of which nobody knows whose they are
    oom_kills: int = 0  # by the kernel, on the whole machine, ever


@dataclass(slots=True)
class _Files:
    """What one life had open when that was looked at: `round` and `ticks` say when."""

    round: int
    ticks: int
    count: int
    held_bytes: int


class Census:
    """Remembers from look to look who belongs to whom. `adopts`: whether orphans become children of this process."""

    def __init__(self, *, adopts: bool = False) -> None:
        self._adopts = adopts
        self._round = 0
        self._strangers: set[int] = set()
        self._unknown: set[Name] = set()
        self._owners: Owners = {}
        self._sessions: Sessions = {}
        self._files: dict[Name, _Files] = {}

    def take(self, roots: Mapping[int, str], spare: Collection[int] = (), trusted: Collection[int] = ()) -> Look:
        """Look at everybody. `roots`: first processes, with their servers' names; `spare`: other ones of ours.

        `trusted` ones of the latter leave nothing behind.
        """
        self._round += 1
        others = list(spare)
        seen = {one.pid: one for one in (self._everybody() if HAS_PROC else _with_psutil(roots))}
        kin = Kin(roots, [pid for pid in others if pid not in trusted], seen, self._sessions, adopts=self._adopts)
        unknown, us = set[Name](), os.getpid()

        def owner_of(one: Seen) -> Name | None:
            if one.parent != us or one.is_zombie or one.pid in spare:
                return None
            owner = kin.owner_of(one) if one.name not in self._unknown else None
            if owner is None:
                unknown.add(one.name)
            return owner

        parted = part(seen, [*roots, *others], self._owners, owner_of, seen.get(us) if self._adopts else None)
        self._owners, self._unknown, self._sessions = parted.owners, unknown, sessions_of(parted, self._sessions)
        self._strangers |= {pid for pid, one in seen.items() if not self._is_ours(one, seen)}
        look = Look(left=parted.left, has_strange=bool(parted.strange), oom_kills=procfs.oom_kills())
        for life, tree in parted.trees.items():
            if life[0] in roots:
                look.trees[life[0]] = tree
                files = self._look_at_files(life, tree)
                look.usage[life[0]] = added_up(tree, files.held_bytes)
                look.open_fds[life[0]] = files.count
        self._files = {life: files for life, files in self._files.items() if life in parted.trees}
        return look

    def _everybody(self) -> Iterator[Seen]:
        if self._round % ANEW_ROUNDS == 0:
            self._strangers.clear()
        return procfs.everybody(but=self._strangers)

    def _is_ours(self, one: Seen, seen: Mapping[int, Seen]) -> bool:
        """Whether it descends from us, or belongs to a server."""
        us, above = os.getpid(), one
        while above.name not in self._owners and above.pid != us:
            parent = seen.get(above.parent)
            if parent is None:
                return False
            above = parent
        return True

    def _look_at_files(self, life: Name, tree: Collection[Seen]) -> _Files:
        """Only of those that worked since: who does not work opens nothing and writes nothing."""
        before, ticks = self._files.get(life), sum(one.ticks for one in tree)
        worked = ticks - before.ticks if before is not None else MUCH_WORK_TICKS
        is_time = before is None or (worked and self._round - before.round >= FILES_ROUNDS)
        if before is not None and not is_time and abs(worked) < MUCH_WORK_TICKS:
            return before
        files = _Files(self._round, ticks, sum(procfs.open_files(one.pid) for one in tree), 0)
        files.held_bytes = held_bytes(one.pid for one in tree) if HAS_PROC else 0
        self._files[life] = files
        return files


def added_up(tree: Iterable[Seen], held: int = 0) -> Usage:
    """Return what these processes take together; `held`: bytes in files that are kept in memory."""
    rss = tasks = ticks = count = 0
    for one in tree:
        rss += one.rss_bytes
        tasks += one.tasks
        ticks += one.ticks
        count += 1
    return Usage(rss + held, tasks, ticks * TICK_S, count, held)


def fair_share_bytes(tree: Iterable[Seen]) -> int:
    """Return the memory of these processes, each shared page counted once; slower, and exacter, than adding up."""
    total = 0
    for one in tree:
        share = procfs.own_share_bytes(one.pid)
        total += one.rss_bytes if share is None else min(share, one.rss_bytes)
    return total


def _with_psutil(roots: Iterable[int]) -> Iterator[Seen]:
    for root in roots:
        try:
            first = psutil.Process(root)
            family = [first, *first.children(recursive=True)]
        except psutil.Error:
            continue
        for one in family:
            try:
                with one.oneshot():
                    born, spent, rss = one.create_time(), sum(one.cpu_times()[:4]), one.memory_info().rss
                    is_zombie = one.status() == psutil.STATUS_ZOMBIE
                    yield Seen(
                        one.pid, one.ppid(), is_zombie, int(born / TICK_S), int(spent / TICK_S), one.num_threads(), rss
                    )
            except psutil.Error:
                continue
