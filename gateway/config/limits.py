"""`[server.limits]` and `[server.sandbox]`: what one server may take, and reach. The words are systemd's. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from gateway.config import checks, quantities
from gateway.config.fields import Check, Quantity, Range

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class LimitsTable:
    """What a server's calls and its processes may take. One that takes more memory or tasks is ended, and named."""

    timeout_s: Annotated[float, "Seconds that a call may take without progress", Range(0.05, 390)] = 120.0
    max_timeout_s: Annotated[
        float,
        "Seconds that a call may take while it reports progress",
        Range(0.05, 390),
    ] = 390.0
    max_in_flight: Annotated[int, "Calls at the same time; more wait in the queue", Range(1, 10_000)] = 64
    max_queue: Annotated[int, "Calls that may wait for their turn; more are answered busy", Range(0, 10_000)] = 64
    queue_timeout_s: Annotated[
        float, "Seconds that a call may wait for its turn until it is answered busy", Range(0, 390)
    ] = 30.0
    MemoryMax: Annotated[
        str,
        "Memory of all its processes together: bytes, a share of the machine's, or infinity",
        Quantity(quantities.size_problem),
    ] = "50%"
    TasksMax: Annotated[
        str, "Processes and threads that it may have, or infinity", Quantity(quantities.count_problem)
    ] = "1024"
    CPUQuota: Annotated[
        str, "Processor time: 50% is half of one processor, or infinity", Quantity(quantities.cpus_problem)
    ] = quantities.INFINITY
    LimitNOFILE: Annotated[
        str, "Files that each of its processes may hold open, or infinity", Quantity(quantities.count_problem)
    ] = "8192"
    LimitFSIZE: Annotated[
        str, "Largest file that it may write, or infinity", Quantity(quantities.file_size_problem)
    ] = quantities.INFINITY
    RuntimeMaxSec: Annotated[
        float, "Seconds after which it is started anew, once its calls are done; 0: never", Range(0, 365 * DAY_S)
    ] = 0.0

    def of_processes(self) -> list[str]:
        """The keys that speak of processes, not of calls, and differ from their defaults."""
        defaults = LimitsTable()
        names = ("MemoryMax", "TasksMax", "CPUQuota", "LimitNOFILE", "LimitFSIZE")
        return [name for name in names if getattr(self, name) != getattr(defaults, name)]

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the keys."""
        if self.timeout_s > self.max_timeout_s:
            yield "timeout_s", "must not be above max_timeout_s"


@dataclass(frozen=True, slots=True)
class SandboxTable:
    """What a server may reach of this machine."""

    level: Annotated[
        Literal["auto", "none", "landlock", "bwrap"],
        "none: whatever you can reach; landlock: only its own files, and the system's to read, but every socket with"
        " a file; bwrap: without those, and in namespaces of its own; auto: the strongest that works here for what was"
        " installed, none for a command",
    ] = "auto"
    network: Annotated[Literal["host", "none"], "none: no network at all; needs a level that can keep it away"] = "host"
    ReadWritePaths: Annotated[
        tuple[str, ...], "Further files and folders that it may change", Check(checks.absolute_paths)
    ] = ()
    ReadOnlyPaths: Annotated[
        tuple[str, ...], "Further files and folders that it may read", Check(checks.absolute_paths)
    ] = ()

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the keys."""
        if self.level == "none" and self.network == "none":
            yield "network", 'level = "none" keeps nothing away, the network neither; leave level out, or name another'
