"""Why a child's life ended, in one word for programs: metrics, death log, `status`. No I/O."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """The deepest cause that is known; the sentence beside it says more."""

    EXIT = "exit"  # it ended by itself, with a status
    SIGNAL = "signal"  # somebody else killed it
    OOM = "oom"  # memory: over its MemoryMax, or the machine had none left
    TASKS = "tasks"  # more processes and threads than TasksMax
    RUNTIME = "runtime"  # RuntimeMaxSec has passed
    NOISE = "noise"  # its stdout is full of what is no message
    HANG = "hang"  # no sign of life
    DEAF = "deaf"  # it does not read its stdin, or closed it
    SILENT = "silent"  # it closed its stdout
    HANDSHAKE = "handshake"  # it does not speak MCP, or not in time
    SPAWN = "spawn"  # it could not be started at all
    LOST = "lost"  # the connection to a remote server
    STOPPED = "stopped"  # somebody asked for it
    IDLE = "idle"  # nobody used it
    BUG = "bug"  # ours
