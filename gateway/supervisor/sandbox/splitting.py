"""Turns a reach into landlock's rules, which can only give: a hidden place's neighbours are given one by one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Final

from gateway.supervisor.processes.orders import Landlock
from gateway.supervisor.sandbox.reach import Hidden, Reach, is_inside

DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
"""No terminals and no shared memory: what is in there belongs to whoever else runs as this user."""

READ: Final = ("/proc",)
"""Who may read whose entries there is decided by another rule of landlock's: a process is closed to those outside."""


def rules(reach: Reach, *, offline: bool) -> Landlock:
    """Return the order for `exec_child.py`. Reads folders that hold something hidden."""
    given: dict[bool, dict[str, None]] = {False: dict.fromkeys(READ), True: {}}
    for grant in reach.grants:
        given[grant.write] |= dict.fromkeys(around(grant.real, reach.hidden))
    # A server's own places may lie in a hidden one, which therefore is no reason to leave them out.
    return Landlock(read=tuple(given[False]), write=tuple(given[True]), devices=DEVICES, tcp=not offline)


def around(place: str, hidden: Sequence[Hidden]) -> Iterator[str]:
    """Yield what is to be given for all of `place` but the hidden places in it."""
    inside = [one for one in hidden if one.real != place and is_inside(one.real, place)]
    if not inside:
        yield place
        return
    try:
        entries = sorted(entry.path for entry in os.scandir(place) if not entry.is_symlink())
    except OSError:
        return
    secret = {one.real for one in inside}
    for entry in entries:
        if entry not in secret:
            yield from around(entry, inside)
