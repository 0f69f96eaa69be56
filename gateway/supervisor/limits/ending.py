"""Ends everything that one server has started, a fork bomb too: first all of it is stopped, then all of it is killed.

Stopped processes start no others and leave no orphans behind. A bomb forks while it is looked at, and takes the
processor that looking needs: so what is known is stopped before anybody is looked at, whole groups at a time (which the
kernel does between two forks), and then only those are looked at that are new. For a worker thread.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Container, Iterable
from typing import Final

from gateway.clock import Clock
from gateway.supervisor.limits.trees import Name, Owners, part
from gateway.supervisor.processes.descendants import values_of
from gateway.supervisor.processes.environment import MARKER
from gateway.supervisor.processes.procfs import Seen, everybody
from gateway.supervisor.processes.tags import tag_of

FREEZE_S: Final = 10.0
KILL_S: Final = 10.0
"""Either takes milliseconds; a bomb that has got thousands of processes, and the processor with them, takes longer."""

PAUSE_S: Final = 0.005


class Ending:
    """The end of one life. `spare` holds the first processes of all other lives; it is asked anew each time."""

    def __init__(self, life: Name, server: str, tree: Iterable[Seen], *, spare: Container[int], clock: Clock) -> None:
        self._life = life
        self._server = server
        self._spare = spare
        self._clock = clock
        self._family = {one.pid: one for one in tree}
        self._sessions = {one.session for one in self._family.values()} - {0, os.getsid(0)}
        self._tag = tag_of(life[0])
        self._pause = threading.Event()

    def freeze(self) -> int:
        """Stop all of it, again and again until nothing new is found; return how many processes that are."""
        end = self._clock.now() + FREEZE_S
        looked = set(self._family)
        new = list(self._family.values())
        stopped_groups: set[int] = set()
        while new:
            self._stop(new, stopped_groups)
            seen = list(everybody(but=looked))
            looked |= {one.pid for one in seen}
            new = self._kin(seen)
            if self._clock.now() > end:
                break
        return len(self._family)

    def _stop(self, new: Iterable[Seen], stopped_groups: set[int]) -> None:
        """Nobody but its own processes can be in a group of its: it began in a session of its own."""
        for one in new:
            if one.group not in stopped_groups and one.group != os.getpgrp():
                stopped_groups.add(one.group)
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(one.group, signal.SIGSTOP)
        _send(new, signal.SIGSTOP)  # and those that joined a group after it was stopped

    def _kin(self, seen: Iterable[Seen]) -> list[Seen]:
        """Return those that are of this family, and take them in."""
        found: list[Seen] = []
        for one in sorted(seen, key=lambda one: one.born):  # parents before their children
            if one.parent in self._family or self._is_marked(one):
                self._family[one.pid] = one
                self._sessions |= {one.session} - {0, os.getsid(0)}
                found.append(one)
        return found

    def kill_all_but_the_first(self) -> None:
        """Kill what the first process has started, and leave that one to whoever watches its end."""
        _send((one for one in self._family.values() if one.name != self._life), signal.SIGKILL)

    def kill(self) -> bool:
        """Kill all of it, again and again until nothing is left; return whether nothing is."""
        end = self._clock.now() + KILL_S
        owners: Owners = {one.name: self._life for one in self._family.values()}
        while True:
            parted = part({one.pid: one for one in everybody()}, (self._life[0],), owners, self._escaped)
            family = [*parted.trees.get(self._life, ()), *parted.left]
            owners = {one.name: self._life for one in family}
            left = [one for one in family if not one.is_zombie]
            if not left or self._clock.now() > end:
                return not left
            _send(left, signal.SIGKILL)
            self._pause.wait(PAUSE_S)

    def _is_marked(self, orphan: Seen) -> bool:
        """One that escaped before anybody saw it is found by its session, its tag or its mark."""
        if self._escaped(orphan) is not None:
            return True
        is_younger = self._is_adopted(orphan) and orphan.born >= self._life[1]
        return is_younger and self._server in values_of(orphan.pid, MARKER.encode())

    def _escaped(self, orphan: Seen) -> Name | None:
        """By what is this life's alone; the mark is the next life's too, which may begin while this one is killed."""
        if not self._is_adopted(orphan):
            return None
        is_ours = orphan.session in self._sessions or (self._tag is not None and tag_of(orphan.pid) == self._tag)
        return self._life if is_ours else None

    def _is_adopted(self, orphan: Seen) -> bool:
        return orphan.parent == os.getpid() and not orphan.is_zombie and orphan.pid not in self._spare


def _send(processes: Iterable[Seen], number: signal.Signals) -> None:
    for one in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(one.pid, number)
