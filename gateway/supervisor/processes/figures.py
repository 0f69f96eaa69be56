"""What the processes of one server cost now. One that is gone (or not ours to look at) has no figures."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from gateway.supervisor.processes import procfs


@dataclass(frozen=True, slots=True)
class Figures:
    """Resident memory now and at most, share of one CPU since the last look (percent), open descriptors, tasks."""

    rss_bytes: int | None = None
    cpu_percent: float | None = None
    open_fds: int | None = None
    tasks: int | None = None  # processes and threads
    memory_peak_bytes: int | None = None
    cpu_seconds: float | None = None


def glance(pid: int | None) -> Figures:
    """Return the figures of one process that nobody has looked at yet; it has taken no processor time so far."""
    if pid is None:
        return Figures()
    seen = procfs.look(pid)
    if seen is not None:
        cpu_s = seen.ticks * procfs.TICK_S
        return Figures(seen.rss_bytes, 0.0, procfs.open_files(pid), seen.tasks, seen.rss_bytes, cpu_s)
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            rss_bytes = process.memory_info().rss
            cpu_s = sum(process.cpu_times()[:2])
            return Figures(rss_bytes, 0.0, process.num_fds(), process.num_threads(), rss_bytes, cpu_s)
    except (psutil.Error, OSError):
        return Figures()
