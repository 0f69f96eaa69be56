"""Runs in the new process, between fork and the server's program: ties it to the daemon, then becomes the program.

Started as a script by `process.py` (standard library only, isolated, no site): a hook in the forked daemon itself
would run Python between fork and exec, which can deadlock when other threads hold locks.

Arguments: status fd, daemon's pid, orders (JSON of `orders.Orders`), program path, its argv. A step and an errno
written to the status fd mean: not started.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask the kernel for SIGKILL when the daemon's main thread ends; leave at once if it already did."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes  # noqa: PLC0415 - not needed (and its library call not available) elsewhere

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def exact_environment() -> dict[bytes, bytes]:
    """Return what the daemon gave us, without what the interpreter adds at its start (LC_CTYPE)."""
    try:
        block = Path("/proc/self/environ").read_bytes()
    except OSError:
        return dict(os.environb)
    pairs = (entry.partition(b"=") for entry in block.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}


def enter_cgroups(orders: dict[str, Any]) -> None:
    """Move into the control groups, before anything that counts."""
    for procs in orders.get("cgroups", ()):
        Path(procs).write_text("0")


def set_limits(orders: dict[str, Any]) -> None:
    """Lower our own limits; what is above a hard limit means that limit."""
    if not orders.get("rlimits"):
        return
    import resource  # noqa: PLC0415 - most servers need it, the learner does not

    for name, value in orders["rlimits"].items():
        which = getattr(resource, name)
        _, hard = resource.getrlimit(which)
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (limit, limit))


STEPS = {"cgroups": enter_cgroups, "rlimits": set_limits}


def main(arguments: list[str]) -> None:
    """Become the program."""
    status_fd, parent, program = int(arguments[0]), int(arguments[1]), arguments[3]
    os.set_inheritable(status_fd, False)
    step = "exec"
    try:
        die_with_parent(parent)
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # the interpreter ignores them, and exec would keep that
            signal.signal(ignored, signal.SIG_DFL)
        orders = json.loads(arguments[2])
        for name, obey in STEPS.items():
            step = name
            obey(orders)
        step = "exec"
        os.execve(program, arguments[4:], exact_environment())  # noqa: S606 - argv, never a shell
    except (OSError, ValueError) as exc:
        os.write(status_fd, f"{step} {getattr(exc, 'errno', None) or errno.EINVAL}".encode())
    os._exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
