"""`Spares`: children that are kept ready for the next caller of a server that callers do not share.

A spare is nobody's until it is handed out, and then one caller's for good; another takes its place in the background.
"""

from __future__ import annotations

from typing import Final

from gateway.facts import Fact, Publish
from gateway.model import ServerName, ServerSpec, SessionScope
from gateway.supervisor.child import Child
from gateway.supervisor.keeping.children import Children
from gateway.supervisor.lifecycle import State

MAX_INSTANCES: Final = 64
"""Own children of one per-agent or per-session server; more callers than that have to take turns. Spares fill what is
left of it."""


def nobody(_fact: Fact) -> None:
    """Instances tell nobody: the shared child's state and tools stand for the server."""


class Spares:
    """The spares of all servers; they stand beside the set."""

    def __init__(self, children: Children, tell: Publish = nobody) -> None:
        self._children = children
        self._tell = tell
        self._spares: dict[ServerName, list[Child]] = {}

    def count(self, name: ServerName) -> int:
        """How many are ready."""
        return sum(1 for child in self._spares.get(name, ()) if child.state is State.READY)

    def of(self, name: ServerName) -> list[Child]:
        """Those of one server, ready or not."""
        return list(self._spares.get(name, ()))

    def has(self, name: ServerName) -> bool:
        """Whether there are any, ready or not."""
        return bool(self._spares.get(name))

    def fill(self, spec: ServerSpec) -> None:
        """Have as many as the server asks for, as far as there is room; start those that are missing."""
        spares = self._spares.setdefault(spec.name, [])
        own = sum(1 for child in self._children.of(spec.name) if child.instance)
        wanted = 0 if spec.session is SessionScope.SHARED else min(spec.start.keep_warm, MAX_INSTANCES - own)
        while len(spares) > max(wanted, 0):
            self._children.drop(spares.pop(), "one spare less is needed")
        while len(spares) < wanted:
            spare = self._children.new(spec, "", self._tell)
            spare.start()
            self._children.put_aside(spare)
            spares.append(spare)

    def take(self, name: ServerName, instance: str) -> Child | None:
        """Hand one out: a ready one, else one on its way up; None where there is neither."""
        spares = self._spares.get(name, [])
        ready = (spare for spare in spares if spare.state is State.READY)
        on_its_way = (spare for spare in spares if spare.state is State.STARTING or spare.starts == 0)
        spare = next(ready, None) or next(on_its_way, None)
        if spare is not None:
            spares.remove(spare)
            spare.instance = instance
            self._children.put(spare)
        return spare

    def adopt(self, spec: ServerSpec) -> None:
        """Treat them by another spec; they stay."""
        for spare in self._spares.get(spec.name, ()):
            spare.adopt(spec)

    def end(self, name: ServerName, reason: str) -> None:
        """End those of one server."""
        for spare in self._spares.pop(name, ()):
            self._children.drop(spare, reason)
