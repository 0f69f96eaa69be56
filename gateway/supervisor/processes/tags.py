"""Tags: what a server's processes cannot take off by mistake, unlike the mark in their environment. Linux only.

The kernel passes each limit on from process to process, and lets nobody without privileges raise a hard one. That of
file locks (RLIMIT_LOCKS) is enforced by no kernel of this century: here it holds a number that names one life. Whoever
lowers it on purpose, or has the privileges to raise it, has no tag: the tag is a sign, not a proof.
"""

from __future__ import annotations

import sys
from typing import Final

from gateway.supervisor.processes.procfs import hard_limit

NAME: Final = "RLIMIT_LOCKS"
NUMBER: Final = 10
"""The `resource` module has no name for it."""

MOST: Final = 2**60
LINE: Final = b"Max file locks"


class Tags:
    """Gives out tags, each once. They count downwards from our own: a gateway may itself be a server of another one."""

    def __init__(self) -> None:
        self._last = own()

    def new(self) -> dict[str, int]:
        """Return the limit to start the next life with, by its name; none where there are no tags."""
        if not sys.platform.startswith("linux"):
            return {}
        self._last -= 1
        return {NAME: self._last}


def own() -> int:
    """Return our own tag, or what stands for having none: whoever has this one too has none of ours."""
    if not sys.platform.startswith("linux"):
        return MOST
    import resource  # noqa: PLC0415 - not on every platform

    _, hard = resource.getrlimit(NUMBER)
    return MOST if hard == resource.RLIM_INFINITY else min(MOST, hard)


def tag_of(pid: int) -> int | None:
    """Return a process's tag; None: it has none of ours, is gone, or is not ours to look at."""
    found = hard_limit(pid, LINE)
    return found if found is not None and found < own() else None
