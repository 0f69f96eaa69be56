"""Little families of real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.supervisor.processes.descendants import descendants
from gateway.supervisor.processes.environment import MARKER
from gateway.supervisor.processes.procfs import Seen, look

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
PARENT = (
    "import os, sys, time\n"
    "data = b'x' * (32 << 20)\n"
    "for _ in range({count}):\n"
    "    if os.fork() == 0:\n"
    "        {child}\n"
    "        time.sleep(600)\n"
    "time.sleep({pause})\n"
    "print('up', flush=True); time.sleep(600)"
)
BUSY = "print('up', flush=True)\nwhile True: pass"


@contextmanager
def running(code: str, server: str = "s") -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, marked as a server's; afterwards it and all below it is dead."""
    child = subprocess.Popen(
        [sys.executable, "-c", code], env={MARKER: server}, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
    finally:
        for pid in (*descendants(child.pid), child.pid) if child.poll() is None else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        child.wait(timeout=20)
        assert child.stdout is not None
        child.stdout.close()


def family(count: int, *, child: str = "pass") -> str:
    """The code of a process with so many children, which run `child` first."""
    return PARENT.format(count=count, child=child, pause=0)


def seen(pid: int) -> Seen:
    """A process that must be there."""
    found = look(pid)
    assert found is not None
    return found
