"""`Limits`: everything that this room does, for the supervisor: how a server is started, watched, and what it takes."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from signal import SIGKILL
from typing import Any, Final

import anyio
import msgspec
import structlog

from gateway.clock import Clock
from gateway.model import RemoteLaunch, ServerSpec
from gateway.supervisor.causes import Cause
from gateway.supervisor.limits.ceilings import LOOK_S, Ceilings, ceilings, in_words
from gateway.supervisor.limits.delegation import Machine
from gateway.supervisor.limits.group import Group
from gateway.supervisor.limits.groups import Groups
from gateway.supervisor.limits.watch import Watch, Watched
from gateway.supervisor.ports import Prepare
from gateway.supervisor.process import LIVING
from gateway.supervisor.processes import procfs
from gateway.supervisor.processes.figures import Figures, glance
from gateway.supervisor.processes.orders import Fate, Prepared
from gateway.supervisor.processes.tags import Tags

log = structlog.get_logger("supervisor")

OOM_SCORE: Final = 300
"""When the machine has no memory left, the kernel shall kill a server rather than the gateway that holds them all."""

CLOSE_S: Final = 5.0
CLOSE_PAUSE_S: Final = 0.05


class Limits:
    """`groups`: the control groups that the kernel limits servers with; without them they are watched.

    `others` holds (now, whenever it is asked) the processes that others of this program have started, by pid. Only who
    is given them ends processes that nobody owns: to anybody else an installer's npm would be such a one.
    """

    def __init__(
        self,
        clock: Clock,
        groups: Groups | None = None,
        *,
        machine: Machine | None = None,
        others: Mapping[int, str] | None = None,
    ) -> None:
        self._clock = clock
        self._tags = Tags()
        self._others = others
        self._groups = groups
        self._kinds = groups.kinds if groups is not None else frozenset[str]()
        self._machine_bytes = (machine or Machine()).memory_bytes()
        self._open_files_max = _open_files_max()
        self._watch: Watch | None = None
        self._explained = 0  # kills by the kernel that were told as somebody's end

    def preparing(self, spec: ServerSpec, prepare: Prepare) -> Prepare:
        """Return how a start of this server is prepared: as `prepare` says, and then limited."""

        async def limited(argv: Sequence[str], env: Mapping[str, str], cwd: str | None) -> Prepared:
            return self._limit(spec, await prepare(argv, env, cwd))

        return limited

    @asynccontextmanager
    async def watching(self, children: Callable[[], Iterable[Watched]]) -> AsyncIterator[None]:
        """Watch these children; afterwards, when they have ended, remove their control groups."""
        self._watch = Watch(children, self._watched, self._clock, self._others)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch.run)
                if self._groups is not None:
                    tasks.start_soon(self._look_at_groups, self._groups, children)
                yield
                tasks.cancel_scope.cancel()
        finally:
            if self._groups is not None:
                with anyio.move_on_after(CLOSE_S, shield=True):
                    await self._close(self._groups)

    def figures(self, pid: int | None) -> Figures:
        """Return what the server with this first process takes, all its processes together."""
        seen = self._watch.figures(pid) if self._watch is not None else None
        return seen or glance(pid)

    def row(self, spec: ServerSpec, pid: int | None) -> dict[str, Any]:
        """Return its limits as a row of the status."""
        if isinstance(spec.launch, RemoteLaunch):
            return Ceilings().row()
        return self._ceilings(spec, by=self._by(pid)).row()

    # How it starts.

    def _limit(self, spec: ServerSpec, prepared: Prepared) -> Prepared:
        allowed = self._ceilings(spec, by="cgroup")
        group = self._groups.limit(spec.name, allowed) if self._groups is not None else None
        rlimits = {"RLIMIT_CORE": 0}
        if allowed.nofile is not None:
            rlimits["RLIMIT_NOFILE"] = allowed.nofile
        if allowed.fsize_bytes is not None:
            rlimits["RLIMIT_FSIZE"] = allowed.fsize_bytes
        orders = msgspec.structs.replace(
            prepared.orders,
            cgroups=group.procs if group is not None else (),
            oom_score=OOM_SCORE if sys.platform.startswith("linux") else None,
            rlimits={**rlimits, **prepared.orders.rlimits, **self._tags.new()},
        )
        return msgspec.structs.replace(
            prepared, orders=orders, why_ended=partial(self._why_ended, group, allowed.memory_bytes)
        )

    def _ceilings(self, spec: ServerSpec, *, by: str) -> Ceilings:
        return ceilings(spec.limits, machine_bytes=self._machine_bytes, open_files_max=self._open_files_max, by=by)

    # What is watched.

    def _by(self, pid: int | None) -> str:
        """Who sees to memory; of one that does not run: who will."""
        if "memory" not in self._kinds or self._groups is None:
            return "watch"
        return "watch" if pid in LIVING and self._groups.of(pid) is None else "cgroup"

    def _watched(self, spec: ServerSpec, pid: int) -> Ceilings:
        allowed = self._ceilings(spec, by="watch")
        if self._groups is None or self._groups.of(pid) is None:
            return allowed
        return Ceilings(
            memory_bytes=None if "memory" in self._kinds else allowed.memory_bytes,
            tasks=None if "pids" in self._kinds else allowed.tasks,
            cpus=None if "cpu" in self._kinds else allowed.cpus,
        )

    async def _look_at_groups(self, groups: Groups, children: Callable[[], Iterable[Watched]]) -> None:
        while True:
            news = await anyio.to_thread.run_sync(groups.look, LIVING)
            for one in news:
                child = next((child for child in children() if child.pid == one.root), None)
                if child is None:
                    continue
                if one.forks_refused:
                    log.warning("tasks_max_reached", server=child.spec.name, refused=one.forks_refused)
                if one.killed:  # it lives on, but without a part of it
                    child.end(Cause.OOM, _kernel_words(self._ceilings(child.spec, by="").memory_bytes), at_once=True)
            await anyio.sleep(LOOK_S)

    async def _close(self, groups: Groups) -> None:
        is_closed = False
        while not is_closed:
            is_closed = await anyio.to_thread.run_sync(groups.close)
            await anyio.sleep(0 if is_closed else CLOSE_PAUSE_S)

    # How it ended.

    def _why_ended(self, group: Group | None, memory_bytes: int | None, returncode: int) -> Fate | None:
        """Explain an end that nobody here asked for."""
        if group is not None and group.oom_kills:
            return Cause.OOM, _kernel_words(memory_bytes)
        if returncode not in {-SIGKILL, 128 + SIGKILL} or self._watch is None or self._watch.oom_kills is None:
            return None
        told = max(self._watch.oom_kills, self._explained)
        if procfs.oom_kills() <= told:
            return None
        self._explained = told + 1
        return Cause.OOM, "oom: the machine ran out of memory"


def _kernel_words(memory_bytes: int | None) -> str:
    most = "" if memory_bytes is None else f", {in_words(memory_bytes)}"
    return f"oom: its memory reached MemoryMax{most}"


def _open_files_max() -> int | None:
    """How many files we may allow one of our processes to open; None: as many as it likes."""
    import resource  # noqa: PLC0415 - not on every platform

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if hard == resource.RLIM_INFINITY else hard
