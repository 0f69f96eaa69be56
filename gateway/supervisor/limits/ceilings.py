"""The limits of one server as numbers of this machine, and what counts as having passed them. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gateway.model import ResourceLimits
from gateway.supervisor.causes import Cause

LOOK_S: Final = 1.0
"""Between two looks at what the servers take."""

SOONEST_S: Final = 0.1
"""Between two looks when somebody is about to pass a limit: a server that fills a gigabyte a second is seen in time."""

REST_S: Final = 3.0
"""Between two looks while no server does anything."""

IDLE_SHARE: Final = 0.05
"""Of one processor: who takes less does nothing worth a look (an answer to a ping, a timer)."""

IDLE_GROWTH_BYTES: Final = 1024 * 1024
NEAR: Final = 0.8  # of a limit

_UNITS: Final = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


@dataclass(frozen=True, slots=True)
class Usage:
    """What all processes of one server take together. `cpu_s` only grows while the same processes live."""

    rss_bytes: int = 0  # with what it holds in files that are kept in memory
    tasks: int = 0  # processes and threads
    cpu_s: float = 0.0
    processes: int = 0
    held_bytes: int = 0  # that of these files alone


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What one server may take here; None: no bound. `by`: who sees to memory and tasks, for people who ask."""

    memory_bytes: int | None = None
    tasks: int | None = None
    cpus: float | None = None
    nofile: int | None = None
    fsize_bytes: int | None = None
    runtime_s: float | None = None
    by: str = "none"

    def row(self) -> dict[str, Any]:
        """Return them in the words of the configuration."""
        return {
            "MemoryMax": self.memory_bytes,
            "TasksMax": self.tasks,
            "CPUQuota": self.cpus,
            "LimitNOFILE": self.nofile,
            "LimitFSIZE": self.fsize_bytes,
            "RuntimeMaxSec": self.runtime_s,
            "by": self.by,
        }


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that was passed: for programs, and for people."""

    cause: Cause
    text: str


def ceilings(limits: ResourceLimits, *, machine_bytes: int, open_files_max: int | None, by: str) -> Ceilings:
    """Return what these limits mean where there is so much memory, and where so many files may be open at most."""
    memory = limits.memory_max_bytes
    if memory is None and limits.memory_max_share is not None:
        memory = int(machine_bytes * limits.memory_max_share)
    nofile = limits.nofile
    if nofile is not None and open_files_max is not None:
        nofile = min(nofile, open_files_max)
    return Ceilings(
        memory_bytes=memory,
        tasks=limits.tasks_max,
        cpus=limits.cpu_quota,
        nofile=nofile,
        fsize_bytes=limits.fsize_bytes,
        runtime_s=limits.runtime_max_sec,
        by=by,
    )


def breach(usage: Usage, allowed: Ceilings) -> Breach | None:
    """Return the limit that is passed, if any. Tasks come first: those are exact, memory may be shared."""
    if allowed.tasks is not None and usage.tasks > allowed.tasks:
        return Breach(Cause.TASKS, f"tasks: it has {usage.tasks} processes and threads, TasksMax is {allowed.tasks}")
    if allowed.memory_bytes is not None and usage.rss_bytes > allowed.memory_bytes:
        return out_of_memory(usage.rss_bytes, allowed.memory_bytes)
    return None


def out_of_memory(reached_bytes: int, allowed_bytes: int) -> Breach:
    """Return what to say of a server whose memory has passed its limit."""
    words = f"oom: its memory reached {in_words(reached_bytes)}, MemoryMax is {in_words(allowed_bytes)}"
    return Breach(Cause.OOM, words)


def look_again_in_s(before: Usage, now: Usage, allowed: Ceilings, elapsed_s: float) -> float:
    """Return when to look again: late while it does nothing, soon when it would pass a limit before the usual time."""
    if elapsed_s <= 0:
        return LOOK_S
    wait_s = REST_S if _rests(before, now, allowed, elapsed_s) else LOOK_S
    for was, is_now, most in (
        (before.rss_bytes, now.rss_bytes, allowed.memory_bytes),
        (before.tasks, now.tasks, allowed.tasks),
    ):
        growth = (is_now - was) / elapsed_s
        if most is not None and growth > 0:
            wait_s = min(wait_s, (most - is_now) / growth / 2)
    return max(SOONEST_S, wait_s)


def _rests(before: Usage, now: Usage, allowed: Ceilings, elapsed_s: float) -> bool:
    """Whether nothing happens, and nothing is close to a limit."""
    worked_s, grown = now.cpu_s - before.cpu_s, now.rss_bytes - before.rss_bytes
    if worked_s > IDLE_SHARE * elapsed_s or grown > IDLE_GROWTH_BYTES or now.tasks > before.tasks:
        return False
    return not any(
        most is not None and is_now > NEAR * most
        for is_now, most in ((now.rss_bytes, allowed.memory_bytes), (now.tasks, allowed.tasks))
    )


def in_words(size_bytes: int) -> str:
    """Spell a size for people: "64 MiB", "1.5 GiB"."""
    for unit, name in _UNITS:
        if size_bytes >= unit:
            return (
                f"{round(size_bytes / unit, 1):g} {name}" if size_bytes < 100 * unit else f"{size_bytes // unit} {name}"
            )
    return f"{size_bytes} B"
