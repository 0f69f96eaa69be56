"""Finds out what this machine can do to confine a program: asks the kernel, and tries bwrap for real."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio

from gateway.errors import SpawnFailed
from gateway.supervisor.process import ChildProcess
from gateway.supervisor.processes import landlock, seccomp
from gateway.supervisor.processes.orders import NO_ORDERS, Landlock, Orders
from gateway.supervisor.processes.ring import LineRing
from gateway.supervisor.sandbox.bubblewrap import BASE, FURTHER, proc
from gateway.supervisor.sandbox.deciding import NOT_LINUX, Ability, Host
from gateway.supervisor.sandbox.machine import machine_places

DEADLINE_S: Final = 5.0
"""bwrap takes milliseconds; where a filter of system calls keeps something from it, it may hang for ever."""

WORKS: Final = Ability(works=True)
SCOPES: Final = Orders(landlock=Landlock(files=False))
"""What bwrap does not keep away: sockets without a file, which belong to the network."""

_SETTINGS: Final = ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness", "/proc/sysrq-trigger")
_LOOK: Final = """
import os, sys
for path in sys.argv[1:]:
    try:
        os.open(path, os.O_WRONLY)
    except OSError:
        continue
    sys.exit(f"it leaves {path} of this machine open to be changed")
"""
"""What is tried in there: the machine's own settings must be closed, also to root."""

_DROP_IN: Final = "systemd/drop-ins/60-bwrap.conf"
_LANDLOCK_MISSING: Final = {
    errno.ENOSYS: ("this kernel has no landlock", "Use a kernel of 5.13 or newer that is built with landlock."),
    errno.EOPNOTSUPP: ("landlock is switched off", "Add landlock to the kernel's parameter lsm=, and restart."),
}


async def probe_host(path: str | None = None) -> Host:
    """Look at this machine; `path` is where bwrap is looked for (our PATH)."""
    if not sys.platform.startswith("linux"):
        return Host(NOT_LINUX, NOT_LINUX, NOT_LINUX)
    confines, version = _ask_landlock()
    program = shutil.which("bwrap", path=path)
    scopes = version >= landlock.SCOPES_SINCE and not _gains_privileges(program)
    bwrap = await _try(program, (), scopes=scopes) if program else _not_installed()
    further = [
        name
        for name in FURTHER
        if program and bwrap.works and (await _try(program, (f"--unshare-{name}",), scopes=scopes)).works
    ]
    return Host(
        landlock=confines,
        bwrap=bwrap,
        filters_sockets=_filter(),
        landlock_version=version,
        bwrap_path=program or "",
        namespaces=tuple(further),
        has_scopes=scopes,
    )


def _ask_landlock() -> tuple[Ability, int]:
    try:
        return WORKS, landlock.version()
    except OSError as exc:
        why, fix = _LANDLOCK_MISSING.get(
            exc.errno or 0, (f"the kernel refuses it: {exc.strerror}", "Allow the system calls landlock_*.")
        )
        return Ability(False, why, fix), 0


def _filter() -> Ability:
    machine = os.uname().machine
    if seccomp.is_known(machine):
        return WORKS
    return Ability(False, f"no filter of system calls is known for {machine}", 'Use level = "bwrap".')


def _not_installed() -> Ability:
    return Ability(False, "it is not installed", "Install the package bubblewrap (apt install bubblewrap).")


def _gains_privileges(program: str | None) -> bool:
    """Whether bwrap is installed set-user-ID: what forbids new privileges would break it."""
    return program is not None and bool(Path(program).stat().st_mode & stat.S_ISUID)


async def _try(bwrap: str, more: Sequence[str], *, scopes: bool) -> Ability:
    """Start nothing in particular, confined as servers are."""
    said = LineRing()
    own = [*proc(machine_places()), "--dev", "/dev"]
    argv = [bwrap, *BASE, *more, "--ro-bind", "/", "/", *own, "--", sys.executable]
    try:
        tried = await ChildProcess.start(
            "bwrap",
            [*argv, "-I", "-S", "-c", _LOOK, *_SETTINGS],
            {},
            orders=SCOPES if scopes else NO_ORDERS,
            on_data=lambda _: None,
            on_end=lambda _: None,
            stderr=said,
        )
    except SpawnFailed as exc:
        return Ability(False, exc.message, _fix(exc.message))
    try:
        with anyio.move_on_after(DEADLINE_S):
            await tried.exited.wait()
    finally:
        with anyio.CancelScope(shield=True):
            gone = await tried.stop(0)
    if gone.clean:
        return WORKS
    why = (said.tail(1) or [f"it did not end within {DEADLINE_S:g} s" if gone.code is None else gone.reason])[-1]
    return Ability(False, f"it does not work here: {why.removeprefix('bwrap: ')}", _fix(why))


def _fix(why: str) -> str:
    if "INVOCATION_ID" in os.environ:
        return f"The service may not make namespaces: install {_DROP_IN}."
    if "proc" in why:
        return "Something covers a part of /proc (a container does); run the gateway outside of it."
    return "Allow users to make namespaces (kernel.unprivileged_userns_clone, AppArmor, or the container's settings)."
