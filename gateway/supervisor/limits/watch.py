"""`Watch`: looks at what all servers take, about once a second, and ends the one that takes more than it may.

While no server does anything it looks less often. Escaped processes of lives that are over, and those that nobody
knows, are ended at the look after the one that found them so.

It sees to whatever the kernel does not see to: everything, or nothing but figures and remnants where there are control
groups.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import anyio
import structlog
from anyio.abc import TaskGroup

from gateway.clock import Clock
from gateway.model import ServerSpec
from gateway.supervisor.causes import Cause
from gateway.supervisor.lifecycle import State
from gateway.supervisor.limits.ceilings import (
    LOOK_S,
    REST_S,
    Breach,
    Ceilings,
    Usage,
    breach,
    look_again_in_s,
    out_of_memory,
)
from gateway.supervisor.limits.census import Census, Look, fair_share_bytes
from gateway.supervisor.limits.ending import Ending
from gateway.supervisor.limits.throttle import Throttle
from gateway.supervisor.limits.trees import Name
from gateway.supervisor.process import LEARNER, LIVING
from gateway.supervisor.processes.figures import Figures
from gateway.supervisor.processes.procfs import Seen
from gateway.supervisor.processes.strays import adopts_orphans, end_now

log = structlog.get_logger("supervisor")


class Busy(Protocol):
    """The calls of a child."""

    @property
    def count(self) -> int: ...


class Watched(Protocol):
    """What is known of a child, and done to it, here."""

    @property
    def spec(self) -> ServerSpec: ...

    @property
    def pid(self) -> int | None: ...

    @property
    def state(self) -> State: ...

    @property
    def traffic(self) -> Busy: ...

    def end(self, cause: Cause, reason: str, *, at_once: bool = False) -> None: ...


@dataclass(slots=True)
class _Known:
    """What is known of one life."""

    tree: list[Seen]
    usage: Usage
    at: float
    figures: Figures
    is_ending: bool = False
    throttle: Throttle | None = None


@dataclass(slots=True)
class Watch:
    """`allowed(spec, pid)` says what is to be watched of a server; what the kernel sees to is None there.

    `others` holds the processes that others of this program have started; None: they are not known here, and what
    belongs to no server is left alone.
    """

    children: Callable[[], Iterable[Watched]]
    allowed: Callable[[ServerSpec, int], Ceilings]
    clock: Clock
    others: Mapping[int, str] | None = None
    oom_kills: int | None = field(default=None, init=False)  # what the kernel had killed at the last look but one
    _ours: Mapping[int, str] = field(init=False)
    _census: Census = field(init=False)
    _known: dict[Name, _Known] = field(default_factory=dict, init=False)
    _names: dict[int, Name] = field(default_factory=dict, init=False)
    _oom_kills_last: int | None = field(default=None, init=False)
    _had_left: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        others = self.others if self.others is not None else {}
        self._ours = ChainMap(LIVING, others)  # type: ignore[arg-type] # nobody writes to it
        self._census = Census(adopts=self.others is not None and adopts_orphans())

    async def run(self) -> None:
        """Look until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                roots = self._roots()
                trusted = {pid for pid, name in LIVING.items() if name == LEARNER}
                look = await anyio.to_thread.run_sync(self._census.take, roots, self._ours, trusted)
                await self._pause(self._take(look, tasks), roots)

    def _roots(self) -> dict[int, str]:
        return {child.pid: str(child.spec.name) for child in self.children() if child.pid is not None}

    async def _pause(self, seconds: float, roots: Mapping[int, str]) -> None:
        """Wait; no longer than usual when something begins: a call, or a life, or the time after one."""
        end = self.clock.now() + seconds
        while (left_s := end - self.clock.now()) > 0:
            await anyio.sleep(min(left_s, LOOK_S))
            if self._roots() != roots or any(child.traffic.count for child in self.children()):
                return

    def figures(self, pid: int | None) -> Figures | None:
        """Return what was seen of the life with this first process; None: nothing yet."""
        name = self._names.get(pid) if pid is not None else None
        return self._known[name].figures if name is not None else None

    def _take(self, look: Look, tasks: TaskGroup) -> float:
        """Draw the conclusions of a look; return in how many seconds the next one is due."""
        now, wait_s = self.clock.now(), REST_S
        # Only of the last look but one: an exit is often heard of later than the look that saw its cause.
        self.oom_kills = look.oom_kills if self._oom_kills_last is None else self._oom_kills_last
        self._oom_kills_last = look.oom_kills
        before, self._known = self._known, {}
        for child in self.children():
            tree = look.trees.get(child.pid) if child.pid is not None else None
            if tree and child.pid is not None:
                known = self._learn(tree, look, before.get(tree[0].name), now)
                wait_s = min(wait_s, self._judge(child, child.pid, known, before.get(tree[0].name), tasks))
        self._names = {name[0]: name for name in self._known}
        return min(wait_s, self._clean_up(look, tasks))

    def _clean_up(self, look: Look, tasks: TaskGroup) -> float:
        """End what is left of lives that are over; return in how many seconds to look again."""
        ended = end_now(look.left, self._ours)
        if ended:
            log.warning("escaped_processes_ended", pids=ended)
            if self._had_left:  # they start others faster than they are seen
                tasks.start_soon(self._chase, [one for one in look.left if one.pid in ended])
        self._had_left = bool(ended)
        return LOOK_S if ended or look.has_strange else REST_S

    async def _chase(self, left: list[Seen]) -> None:
        ending = Ending(left[0].name, "", left, spare=self._ours, clock=self.clock)
        with anyio.CancelScope(shield=True):  # bounded by the deadlines of both
            await anyio.to_thread.run_sync(ending.freeze)
            await anyio.to_thread.run_sync(ending.kill)

    def _learn(self, tree: list[Seen], look: Look, before: _Known | None, now: float) -> _Known:
        root = tree[0]
        usage = look.usage[root.pid]
        percent, peak = 0.0, usage.rss_bytes
        if before is not None:
            peak = max(peak, before.figures.memory_peak_bytes or 0)
            if now > before.at:
                percent = round(max(0.0, 100 * (usage.cpu_s - before.usage.cpu_s) / (now - before.at)), 1)
        figures = Figures(usage.rss_bytes, percent, look.open_fds[root.pid], usage.tasks, peak, usage.cpu_s)
        known = _Known(tree, usage, now, figures)
        if before is not None:
            known.is_ending, known.throttle = before.is_ending, before.throttle
        self._known[root.name] = known
        return known

    def _judge(self, child: Watched, pid: int, known: _Known, before: _Known | None, tasks: TaskGroup) -> float:
        """End or hold a server if that must be; return in how many seconds to look at it again."""
        allowed, name = self.allowed(child.spec, pid), known.tree[0].name
        if known.is_ending:
            return LOOK_S
        if allowed.cpus is not None and known.throttle is None:
            known.throttle = Throttle(allowed.cpus, lambda: self._tree(name), clock=self.clock)
            tasks.start_soon(self._hold, child, name, known.throttle, allowed.cpus)
        found = breach(known.usage, allowed)
        if found is not None:
            known.is_ending = True
            tasks.start_soon(self._end, child, name, found, allowed)
            return LOOK_S
        if before is None:
            return look_again_in_s(Usage(), known.usage, allowed, LOOK_S)
        return look_again_in_s(before.usage, known.usage, allowed, known.at - before.at)

    async def _end(self, child: Watched, name: Name, found: Breach, allowed: Ceilings) -> None:
        """End a server and all that it started. All of it is stopped first, so that its end does not take long."""
        tree = self._known[name].tree
        if found.cause is Cause.OOM and len(tree) > 1:
            held = self._known[name].usage.held_bytes
            confirmed = await anyio.to_thread.run_sync(_fairly, tree, held, allowed)
            if confirmed is None:
                self._spare(name)
                return
            found = confirmed
        if (throttle := self._known[name].throttle) is not None:
            throttle.forget()
        ending = Ending(name, child.spec.name, tree, spare=self._ours, clock=self.clock)
        with anyio.CancelScope(shield=True):  # what is stopped must not stay so; bounded by the deadlines of both
            stopped = await anyio.to_thread.run_sync(ending.freeze)
            await anyio.to_thread.run_sync(ending.kill_all_but_the_first)
            log.warning("limit_passed", server=child.spec.name, reason=found.text, processes=stopped)
            if child.pid == name[0]:
                child.end(found.cause, found.text, at_once=True)
            if not await anyio.to_thread.run_sync(ending.kill):
                log.error("processes_survive_sigkill", server=child.spec.name)

    def _spare(self, name: Name) -> None:
        if name in self._known:
            self._known[name].is_ending = False

    async def _hold(self, child: Watched, name: Name, throttle: Throttle, cpus: float) -> None:
        def may_hold() -> bool:
            known = self._known.get(name)
            is_up = child.pid == name[0] and child.state in {State.STARTING, State.READY}
            return is_up and known is not None and not known.is_ending and child.spec.limits.cpu_quota == cpus

        await throttle.run(may_hold)
        if name in self._known:
            self._known[name].throttle = None  # another quota may hold from now on

    def _tree(self, name: Name) -> list[Seen]:
        return self._known[name].tree if name in self._known else []


def _fairly(tree: Iterable[Seen], held: int, allowed: Ceilings) -> Breach | None:
    """Judge again with each shared page counted once: processes that share much seem larger than they are."""
    size, most = fair_share_bytes(tree) + held, allowed.memory_bytes
    return out_of_memory(size, most) if most is not None and size > most else None
