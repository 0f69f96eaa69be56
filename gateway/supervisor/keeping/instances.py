"""`Instances`: what a server's children for single callers do and cost, told in the row of their server.

The shared child of such a server mostly only lists tools, or rests. So its row speaks for all of them: figures are
sums, ends and restarts are those of all, and `instances_detail` has each by itself. Decides nothing. No I/O of its own.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.facts import ChildExited, Fact, StateChanged
from gateway.model import ServerName
from gateway.supervisor.causes import Cause
from gateway.supervisor.child import Child
from gateway.supervisor.deaths import KEPT_EXITS, LastExit
from gateway.supervisor.health.verdict import Health
from gateway.supervisor.keeping.merging import merged_tail
from gateway.supervisor.lifecycle import State
from gateway.supervisor.processes.figures import Figures
from gateway.supervisor.rows import TAIL_LINES, exit_row, rounded, shown_health

Row = dict[str, Any]

SPARE: Final = "spare"
"""How one is called that waits for a caller."""

SID_CHARS: Final = 8
"""So much of a session's id is shown: who knows all of it may speak as that session."""

_PARTED = "\x1f"
_LIVING = frozenset({State.STARTING, State.READY, State.STOPPING})
_WORST_FIRST = (Health.UNHEALTHY, Health.DEGRADED, Health.HEALTHY)
_GAUGES = ("rss_bytes", "tasks", "open_fds", "cpu_percent", "in_flight", "queued")
_COUNTERS = ("cpu_seconds", "stderr_bytes", "noise", "late_answers")


def label(instance: str) -> str:
    """Return what a person may see of an instance: agent and run, or the beginning of a session's id."""
    kind, *parts = instance.split(_PARTED)
    if kind == "session" and parts:
        return f"session {parts[0][:SID_CHARS]}"
    if kind == "agent" and parts:
        return "/".join(part for part in parts[1:] if part) or "unnamed agent"
    return kind or SPARE


@dataclass(slots=True)
class _Book:
    """The history of one server's instances, also of those that are gone."""

    restarts: Counter[str] = field(default_factory=Counter)
    exits: deque[tuple[str, LastExit]] = field(default_factory=lambda: deque(maxlen=KEPT_EXITS))
    base: Counter[str] = field(default_factory=Counter)
    last: dict[Child, Row] = field(default_factory=dict)

    def tally(self, now: dict[Child, Row]) -> Row:
        """Return sums that never go down, whoever ends or is started anew in between."""
        for child, before in self.last.items():
            for key, value in before.items():
                if child not in now or now[child][key] < value:
                    self.base[key] += value
        self.last = now
        return {key: self.base[key] + sum(one[key] for one in now.values()) for key in _COUNTERS}


class Instances:
    """All servers' instances. `figures` tells what the server with this first process takes."""

    def __init__(self, figures: Callable[[int | None], Figures]) -> None:
        self._figures = figures
        self._books: dict[ServerName, _Book] = {}

    def heard(self, child: Child, fact: Fact) -> None:
        """Note the ends and the restarts of instances."""
        last = child.last_exit
        if not child.instance or last is None:
            return
        match fact:
            case ChildExited() if fact.was_wanted and last.gone.cause is not Cause.IDLE:
                self._book(child).exits.appendleft((label(child.instance), last))
            case StateChanged() if fact.state == State.STARTING and last.gone.cause is not Cause.IDLE:
                self._book(child).restarts[last.gone.cause.value] += 1
            case _:
                pass

    def forget(self, name: ServerName) -> None:
        """There is no such server any more."""
        self._books.pop(name, None)

    def speak(self, row: Row, shared: Child, children: Sequence[Child]) -> Row:
        """Let the row of the shared child speak for these (callers' own and spares) as well."""
        row["instances_detail"] = details = [self._detail(child) for child in children]
        book = self._books.get(shared.spec.name)
        if not children and book is None:
            return row
        book = book or self._book(shared)
        figures = [self._looked(child, detail) for child, detail in zip(children, details, strict=True)]
        for key in _GAUGES:
            row[key] = _sum([row[key], *(one[key] for one in figures)])
        tallied = book.tally({child: _counted(one) for child, one in zip(children, figures, strict=True)})
        for key, value in tallied.items():
            row[key] = round(row[key] + value, 2) if row[key] is not None else (round(value, 2) or None)
        row["memory_peak_bytes"] = _most([row["memory_peak_bytes"], *(one["memory_peak_bytes"] for one in figures)])
        row["stderr_tail"] = merged_tail(shared.stderr, named(children), TAIL_LINES)
        _add_history(row, book)
        if shared.state is State.STOPPED:
            _stand_in(row, children, details)
        return row

    def _detail(self, child: Child) -> Row:
        figures = self._figures(child.pid)
        return {
            "instance": label(child.instance),
            "state": child.state.value,
            "health": shown_health(child).value,
            "pid": child.pid,
            "reason": child.reason,
            "uptime_s": rounded(child.uptime_s),
            "rss_bytes": figures.rss_bytes,
            "tasks": figures.tasks,
            "in_flight": child.traffic.count,
            "last_exit": None if child.last_exit is None else exit_row(child.last_exit),
        }

    def _looked(self, child: Child, detail: Row) -> Row:
        figures = self._figures(child.pid)
        return {
            **{key: detail[key] for key in ("rss_bytes", "tasks", "in_flight")},
            "open_fds": figures.open_fds,
            "cpu_percent": figures.cpu_percent,
            "cpu_seconds": figures.cpu_seconds,
            "memory_peak_bytes": figures.memory_peak_bytes,
            "queued": child.traffic.queue.waiting,
            "stderr_bytes": child.stderr.total_bytes,
            "noise": child.noise,
            "late_answers": child.traffic.late,
        }

    def _book(self, child: Child) -> _Book:
        return self._books.setdefault(child.spec.name, _Book())


def named(children: Sequence[Child]) -> list[tuple[str, Any]]:
    """Return what each wrote to stderr, by what a person may see of it."""
    return [(label(child.instance), child.stderr) for child in children]


def _counted(figures: Row) -> Row:
    return {key: figures[key] or 0 for key in _COUNTERS}


def _add_history(row: Row, book: _Book) -> None:
    row["restarts"] += book.restarts.total()
    row["restart_causes"] = dict(Counter(row["restart_causes"]) + book.restarts)
    own = [{**exit_row(one), "instance": name} for name, one in book.exits]
    row["exits"] = sorted([*row["exits"], *own], key=_at, reverse=True)[:KEPT_EXITS]
    row["last_exit"] = max((one for one in (row["last_exit"], *own[:1]) if one is not None), key=_at, default=None)


def _stand_in(row: Row, children: Sequence[Child], details: Sequence[Row]) -> None:
    """The shared one does not run: those that do are how the server is."""
    living = [(child, detail) for child, detail in zip(children, details, strict=True) if child.state in _LIVING]
    if not living:
        return
    told = Counter(detail["state"] for _, detail in living)
    row["state"] = State.READY.value if told[State.READY.value] else living[0][1]["state"]
    health = {detail["health"] for _, detail in living}
    row["health"] = next(one.value for one in _WORST_FIRST if one.value in health)
    row["reason"] = "callers have their own: " + ", ".join(f"{count} {state}" for state, count in told.items())
    row["resting"] = False
    row["uptime_s"] = _most([detail["uptime_s"] for _, detail in living])
    if len(living) == 1:
        row["pid"] = living[0][1]["pid"]


def _sum(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _most(values: Sequence[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)


def _at(one: Mapping[str, Any]) -> str:
    return str(one["at"])
