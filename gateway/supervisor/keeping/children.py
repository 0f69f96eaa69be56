"""`Children`: every child of a supervisor, in the set or beside it, with the task of each. Knows nothing of specs.

In the set stands what serves: one shared child per server, and those of single callers. Beside it stand those that
shall take over, those that were relieved and still answer their last calls, and those that wait for a caller.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup, TaskStatus

from gateway.facts import Fact, Publish, StateChanged
from gateway.model import ServerName, ServerSpec
from gateway.supervisor.causes import Cause
from gateway.supervisor.child import Child
from gateway.supervisor.lifecycle import State
from gateway.supervisor.voice import Voice

Make = Callable[[ServerSpec, str, Publish], Child]
"""Makes the child of one server for one caller ("": for everybody), which tells its facts to the given listener."""

ENDING = "the gateway is stopping"
CHANGED = "something else was asked of the server meanwhile"


class Children:
    """The set. `told(child, fact)` hears every fact of every child at once, also of those that nobody else hears."""

    def __init__(self, make: Make, told: Callable[[Child, Fact], None]) -> None:
        self._make = make
        self._told = told
        self._set: dict[tuple[ServerName, str], Child] = {}
        self._aside: set[Child] = set()
        self._voices: dict[Child, Voice] = {}
        self._scopes: dict[Child, anyio.CancelScope] = {}
        self._begun: dict[Child, None] = {}  # in the order of their last starts
        self.heirs: dict[ServerName, Child] = {}
        """Those beside the set that come up to take a place in it."""
        self._tasks: TaskGroup | None = None

    async def run(self, ending: anyio.Event, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Keep them until `ending`; then tell them to stop, the last started one first, and return when all have.

        Whoever cancels this sets `ending`: cancelled all at once, they would end in no order. Bounded by the stop
        ladders, which overlap.
        """
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                for child in self.all():
                    tasks.start_soon(self._keep, child)
                task_status.started()
                await ending.wait()
                self._tasks = None
                for child in reversed(self._begun):
                    child.stop(ENDING)
                    if child in self._scopes:
                        self._scopes[child].cancel()
                tasks.cancel_scope.cancel()

    # Who is there.

    @property
    def tasks(self) -> TaskGroup | None:
        """Where work for single children may run; None before `run` and while everything ends."""
        return self._tasks

    def all(self) -> list[Child]:
        """Those in the set, then those beside it."""
        return [*self._set.values(), *self._aside]

    def in_set(self) -> list[Child]:
        """Those that serve."""
        return list(self._set.values())

    def of(self, name: ServerName) -> list[Child]:
        """Those of one server that serve, the shared one first."""
        return [child for (server, _), child in self._set.items() if server == name]

    def get(self, name: ServerName, instance: str = "") -> Child | None:
        """The one that serves this caller."""
        return self._set.get((name, instance))

    # How they come and go.

    def new(self, spec: ServerSpec, instance: str, publish: Publish, *, is_heard: bool = True) -> Child:
        """Make a child; it is nowhere yet."""
        voice = Voice(publish, is_heard=is_heard)

        def say(fact: Fact) -> None:
            if isinstance(fact, StateChanged) and fact.state == State.STARTING:
                self._begun.pop(child, None)
                self._begun[child] = None
            self._told(child, fact)
            voice(fact)

        child = self._make(spec, instance, say)
        self._voices[child] = voice
        return child

    def voice(self, child: Child) -> Voice:
        """Whether it is heard."""
        return self._voices[child]

    def put(self, child: Child) -> None:
        """Let it serve; one that stood beside the set keeps its task."""
        was_there = child in self._aside
        self._aside.discard(child)
        self._set[child.spec.name, child.instance] = child
        if not was_there:
            self._start_task(child)

    def put_aside(self, child: Child) -> None:
        """Let it stand beside the set: a new one, or one whose place was just given to another."""
        was_there = child in self._scopes
        self._aside.add(child)
        if not was_there:
            self._start_task(child)

    def drop(self, child: Child, reason: str, cause: Cause = Cause.STOPPED) -> None:
        """Take it out; its own task sees to its end, of which nobody else beside the set hears."""
        if child in self._aside:
            self._aside.discard(child)
            if child in self._voices:
                self._voices[child].hush()
        key = child.spec.name, child.instance
        if self._set.get(key) is child:
            del self._set[key]
        child.stop(reason, cause)
        if child in self._scopes:
            self._scopes[child].cancel()

    def call_off(self, name: ServerName) -> list[Child]:
        """Somebody has said something newer of a server: whoever was to take over there ends; returns that one."""
        heir = self.heirs.pop(name, None)
        if heir is None:
            return []
        self.drop(heir, CHANGED)
        return [heir]

    def end_beside(self, name: ServerName, reason: str) -> list[Child]:
        """End those of one server that were relieved; returns all of it that may run still, in the set or not."""
        for child in [child for child in self._aside if child.spec.name == name and child.is_relieved]:
            self.drop(child, reason)
        return [child for child in self._scopes if child.spec.name == name]

    def _start_task(self, child: Child) -> None:
        if self._tasks is not None:
            self._tasks.start_soon(self._keep, child)

    async def _keep(self, child: Child) -> None:
        """Run one child for as long as it is in the set, or stands beside it."""
        try:
            if child not in self._aside and self.get(child.spec.name, child.instance) is not child:
                return
            with anyio.CancelScope() as self._scopes[child]:
                await child.run()
        finally:
            self._scopes.pop(child, None)
            self._voices.pop(child, None)
            self._begun.pop(child, None)
