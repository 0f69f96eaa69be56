"""The keeper: a tiny parent of the daemon that leaves no orphan behind, whatever happens. Standard library only.

The daemon runs in a forked child. Both are subreapers: when the daemon dies (by SIGKILL even), all its descendants
become the keeper's and are killed; when the keeper dies, the daemon notices, kills its descendants and itself.
On systems without that kernel feature the main function simply runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gateway.supervisor.processes.descendants import kill_descendants

PR_SET_CHILD_SUBREAPER: Final = 36
M_ARENA_MAX: Final = -8
SWEEP_S: Final = 1.5
"""The promise is that nothing lives 2 s after the daemon; the sweep takes milliseconds."""

PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
TERMINAL: Final = Path("/dev/tty")


def run_kept(main: Callable[[], int]) -> int:
    """Run `main` as a kept daemon and return its exit status (128 + n when signal n ended it).

    Call it early, in a process with one thread. `main` runs in a forked child, which never returns from here.
    """
    if not sys.platform.startswith("linux"):
        return main()
    become_subreaper()
    watched_r, watched_w = os.pipe()  # the daemon watches the reading end: it ends when the keeper does
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*PASSED_ON, signal.SIGCHLD})
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(watched_w)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _run_daemon(main, watched_r)
    os.close(watched_r)
    try:
        return _keep(pid)
    finally:
        os.close(watched_w)


def become_subreaper() -> None:
    """Let orphaned descendants become our own children."""
    import ctypes  # noqa: PLC0415 - Linux only

    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _use_one_arena() -> None:
    """Let all threads take their memory from one place: they seldom run at once, and each place keeps what it once had.

    Only glibc knows of such places.
    """
    import ctypes  # noqa: PLC0415 - Linux only

    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def _run_daemon(main: Callable[[], int], watched_r: int) -> None:
    # A session of its own: Ctrl-C reaches the keeper alone, which passes it on once.
    os.setsid()
    become_subreaper()
    _use_one_arena()
    threading.Thread(target=_die_with_keeper, args=(watched_r,), name="keeper-watch", daemon=True).start()
    status = 1
    try:
        status = main()
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except BaseException:  # noqa: BLE001 - the top of the daemon: whatever it was is shown, and the exit is ours
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _die_with_keeper(watched_r: int) -> None:
    os.read(watched_r, 1)
    kill_descendants(os.getpid(), within_s=SWEEP_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _keep(daemon: int) -> int:
    had_terminal = _has_terminal()
    try:
        while True:
            number = signal.sigwait({*PASSED_ON, signal.SIGCHLD})
            if number == signal.SIGCHLD:
                ended = _reap(daemon)
                if ended is not None:
                    return os.waitstatus_to_exitcode(ended) if os.WIFEXITED(ended) else 128 + os.WTERMSIG(ended)
            elif number == signal.SIGHUP and had_terminal and not _has_terminal():
                os.kill(daemon, signal.SIGTERM)  # the window was closed: nobody asked for a reload
            else:
                os.kill(daemon, number)
    finally:
        kill_descendants(os.getpid(), within_s=SWEEP_S)


def _reap(daemon: int) -> int | None:
    """Collect dead children; return the daemon's wait status once it is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        if pid == daemon:
            return status


def _has_terminal() -> bool:
    try:
        os.close(os.open(TERMINAL, os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
