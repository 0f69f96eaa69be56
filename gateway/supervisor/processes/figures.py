"""What a process costs now, read with psutil; a process that is gone (or not ours to look at) has no figures."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Figures:
    """Resident memory, share of one CPU since the last look (percent), open descriptors."""

    rss_bytes: int | None = None
    cpu_percent: float | None = None
    open_fds: int | None = None


class Looker:
    """Keeps psutil's handles, because a CPU share is a difference between two looks."""

    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}

    def look(self, pid: int | None) -> Figures:
        """Return the figures of one process."""
        if pid is None:
            return Figures()
        try:
            process = self._known.get(pid) or psutil.Process(pid)
            self._known[pid] = process
            with process.oneshot():
                return Figures(process.memory_info().rss, process.cpu_percent(None), process.num_fds())
        except (psutil.Error, OSError):
            self._known.pop(pid, None)
            return Figures()

    def forget_all_but(self, pids: set[int]) -> None:
        """Drop the handles of processes that are gone."""
        self._known = {pid: process for pid, process in self._known.items() if pid in pids}
