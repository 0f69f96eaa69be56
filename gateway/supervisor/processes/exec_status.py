"""What a new process says between fork and exec: nothing when it became its program, else what kept it from that."""

from __future__ import annotations

import os
from typing import Final

import anyio

EXEC_DEADLINE_S: Final = 10.0
"""From fork to exec; only a stuck file system or machine needs longer than milliseconds."""

_STEPS: Final = {
    "exec": "",
    "cgroups": "it cannot be put into its control group: ",
    "oom_score": "its OOM score cannot be set: ",
    "rlimits": "its limits cannot be set: ",
    "landlock": "landlock cannot confine it: ",
    "network": "its network cannot be taken away: ",
}


async def exec_status(status_r: int, deadline_s: float = EXEC_DEADLINE_S) -> str:
    """Return what kept the program from starting, or nothing; `status_r` is where `exec_child.py` says it."""
    with anyio.move_on_after(deadline_s):
        await anyio.wait_readable(status_r)
        step, _, number = os.read(status_r, 64).decode("ascii", "replace").partition(" ")
        return f"{_STEPS.get(step, step)}{os.strerror(int(number))}" if number.isdigit() else ""
    return f"it did not start within {deadline_s:g} s"
