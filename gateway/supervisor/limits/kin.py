"""Whose is a process that its parents left behind before anybody saw it? By what it cannot shed, or hardly.

Where this program adopts orphans (under the keeper) everyone of its children that it did not start is such a one, and
a double fork with an empty environment is an easy thing to do. In this order: the session, which is its server's or
known from another one of its family; the mark in its environment; the tag; and, when it has none of these, the one
server that can have started it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from gateway.supervisor.limits.trees import Name, Parted
from gateway.supervisor.processes.descendants import values_of
from gateway.supervisor.processes.environment import MARKER
from gateway.supervisor.processes.procfs import Seen
from gateway.supervisor.processes.tags import tag_of

Sessions = dict[int, Name]
"""Which life's each session is."""

_MARK: Final = MARKER.encode()


class Kin:
    """Answers for one look. `others`: what else may have left it behind; `sessions`: of the look before."""

    def __init__(
        self,
        roots: Mapping[int, str],
        others: Collection[int],
        seen: Mapping[int, Seen],
        sessions: Mapping[int, Name],
        *,
        adopts: bool,
    ) -> None:
        self._roots = {pid: (seen[pid], server) for pid, server in roots.items() if pid in seen}
        self._others = [seen[pid] for pid in others if pid in seen and pid not in roots]
        self._sessions = {**sessions, **{one.pid: one.name for one, _ in self._roots.values()}}
        self._sessions.update((one.pid, one.name) for one in self._others)
        self._adopts = adopts

    def owner_of(self, orphan: Seen) -> Name | None:
        """Return the life that it belongs to, a past one perhaps; None: nobody can tell."""
        is_outside = orphan.session != os.getsid(0)  # no server's process can have come into our own session
        by_session = self._sessions.get(orphan.session) if is_outside else None
        if by_session is not None:
            return by_session
        marks = values_of(orphan.pid, _MARK)
        # Of several children of one server any may be the one; the last one started is the likeliest to do such things.
        marked = [one.name for one, server in self._roots.values() if server in marks and one.born <= orphan.born]
        if marked:
            return marked[-1]
        return self._by_tag(orphan) if self._adopts and is_outside and not marks else None

    def _by_tag(self, orphan: Seen) -> Name | None:
        tag = tag_of(orphan.pid)
        if tag is not None:
            return _only(one for one, _ in self._roots.values() if tag_of(one.pid) == tag)
        there = [*(one for one, _ in self._roots.values()), *self._others]
        return _only(one for one in there if one.born <= orphan.born)


def sessions_of(parted: Parted, known: Mapping[int, Name]) -> Sessions:
    """Return whose each session is, by who is in it; what was known stays so while somebody is in it."""
    ours, found = os.getsid(0), Sessions()
    families = [*((life, tree) for life, tree in parted.trees.items()), *((None, [one]) for one in parted.left)]
    for life, tree in families:
        for one in tree:
            owner = life or parted.owners[one.name]
            if one.session not in (0, ours):
                found[one.session] = known.get(one.session, owner) if life is None else owner
    return found


def _only(candidates: Iterable[Seen]) -> Name | None:
    found = [one.name for one in candidates]
    return found[0] if len(found) == 1 else None
