"""How one server stands, in the words that the page and the command line share. No I/O.

Rows are those of `status`; a field that a row lacks (a remote server has no memory) is not spoken of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.admin.web import words

Row = Mapping[str, Any]

NEAR = 0.8
"""A limit is near from this share of it on."""

RESTING = "resting: its next call starts it"


def why(row: Row) -> str:
    """Say in one line why a server is as it is, what comes next, and what else there is to know now."""
    if row.get("resting"):
        return RESTING
    said = words.explain(dict(row))
    parts = [*([said] if said != words.NOTHING else []), *notes(row)]
    return "; ".join(parts) or words.NOTHING


def notes(row: Row) -> list[str]:
    """What is not as it should be, beside the reason: breakers, queue, limits that are near."""
    found = [breaker(row.get("breaker"), "calls are held back")] if is_held(row.get("breaker")) else []
    held = [one for one in row.get("breakers") or [] if is_held(one)]
    if held:
        found.append(f"held back: {', '.join(str(one.get('tool')) for one in held)}")
    if queued := row.get("queued"):
        found.append(f"{queued} {'call waits' if queued == 1 else 'calls wait'}")
    return [*found, *near_limits(row)]


def is_held(breaker: Any) -> bool:
    """Whether a breaker is not closed."""
    return isinstance(breaker, Mapping) and breaker.get("state") not in {None, "closed"}


def breaker(one: Any, about: str = "held back") -> str:
    """Spell a breaker that is not closed: what it means, why, until when."""
    if not is_held(one):
        return "closed"
    state = str(one.get("state")).replace("_", " ")
    retry_s = one.get("retry_s")
    until = f"; tried again in {words.span(retry_s)}" if retry_s else ""
    reason = f": {one['reason']}" if one.get("reason") else ""
    return f"breaker {state}, {about}{reason}{until}"


def near_limits(row: Row) -> list[str]:
    """Name the limits that are nearly used up."""
    found = []
    for name, used, most, spelled in usage(row):
        if used >= NEAR * most:
            found.append(f"{name} {spelled} ({100 * used / most:.0f} %)")
    return found


def usage(row: Row) -> list[tuple[str, float, float, str]]:
    """Each limit that something is counted against: its name, what is used, what may be, both as a person reads it."""
    limits: Mapping[str, Any] = row.get("limits") or {}
    found = []
    for name, key, total, most, spell in (
        ("memory", "rss_bytes", _memory(row), limits.get("MemoryMax"), words.size),
        ("tasks", "tasks", row.get("tasks"), limits.get("TasksMax"), words.plain),
        ("files", "open_fds", row.get("open_fds"), limits.get("LimitNOFILE"), words.plain),
    ):
        used = _largest(row, key, total)
        if isinstance(used, int | float) and isinstance(most, int | float) and most > 0:
            found.append((name, float(used), float(most), f"{spell(used)} of {spell(most)}"))
    return found


def _largest(row: Row, key: str, total: Any) -> Any:
    """A limit holds for each by itself: of a server whose callers have their own, what the largest one takes."""
    details = row.get("instances_detail") or []
    own = [one[key] for one in details if isinstance(one.get(key), int | float)]
    if not own or not isinstance(total, int | float):
        return None if details and key == "open_fds" else total
    return max(total - sum(own), *own)


def _memory(row: Row) -> Any:
    return row.get("memory_bytes") if row.get("memory_bytes") is not None else row.get("rss_bytes")


def restarts(row: Row) -> str:
    """Spell how often it was started again, and after what: 3 (2 oom, 1 hang)."""
    causes: Mapping[str, int] = row.get("restart_causes") or {}
    count = words.plain(row.get("restarts"))
    if not causes:
        return count
    told = ", ".join(f"{n} {cause}" for cause, n in sorted(causes.items(), key=lambda one: (-one[1], one[0])))
    return f"{count} ({told})"


def sandbox(row: Row) -> str:
    """Spell what keeps it from the rest of the machine, in a word or two."""
    box = row.get("sandbox")
    if not isinstance(box, Mapping):
        return words.plain(box)
    if row.get("transport") not in {None, "stdio"}:
        return words.NOTHING  # it runs elsewhere, in a box or not
    level = box.get("level") or "impossible"
    return f"{level}, no network" if box.get("network") == "none" else str(level)


def limits(row: Row) -> str:
    """Spell the limits that are set."""
    found: Mapping[str, Any] = row.get("limits") or {}
    spell = {"MemoryMax": words.size, "LimitFSIZE": words.size, "RuntimeMaxSec": words.span}
    told = [
        f"{name} {spell.get(name, words.plain)(value)}"
        for name, value in found.items()
        if value is not None and name != "by"
    ]
    by = f" (by {found['by']})" if told and found.get("by") not in {None, "none"} else ""
    return ", ".join(told) + by if told else words.NOTHING


def exit_line(one: Row) -> list[str]:
    """One end as cells: when, cause, how, after how long, why."""
    code = one.get("code")
    how = one.get("signal") or (f"status {code}" if code is not None else words.NOTHING)
    return [
        words.clock_time(one.get("at")), words.plain(one.get("cause")), str(how), words.span(one.get("uptime_s")),
        words.plain(one.get("reason")),
    ]  # fmt: skip


EXIT_HEAD = ("TIME (UTC)", "CAUSE", "EXIT", "WAS UP", "WHY")


def instance_line(one: Row) -> list[str]:
    """One of the children of single callers as cells: whose, how it is, what it takes, how the one before it ended."""
    last = one.get("last_exit")
    return [
        words.plain(one.get("instance")), words.plain(one.get("state")), words.plain(one.get("health")),
        words.plain(one.get("pid")), words.span(one.get("uptime_s")), words.size(one.get("rss_bytes")),
        words.plain(one.get("tasks")), words.plain(one.get("in_flight")),
        words.plain(last.get("cause") if isinstance(last, Mapping) else None), words.plain(one.get("reason") or None),
    ]  # fmt: skip


INSTANCE_HEAD = ("OF", "STATE", "HEALTH", "PID", "UP", "MEMORY", "TASKS", "IN FLIGHT", "LAST END", "WHY")


def particulars(row: Row) -> list[tuple[str, str]]:
    """Everything about one server as pairs of a name and a text; what nobody knows is left out."""
    pairs = [
        ("state", row.get("state")),
        ("health", row.get("health")),
        ("why", why(row)),
        ("from", row.get("from")),
        ("transport", row.get("transport")),
        ("protocol", row.get("protocol")),
        ("session", _session(row)),
        ("required", row.get("required")),
        *_process(row),
        *_calls(row),
        ("tools", _tools(row)),
        ("noise", _noise(row.get("noise"))),
    ]
    return [(name, words.plain(value)) for name, value in pairs if value not in {None, "", words.NOTHING}]


def _noise(lines: Any) -> str | None:
    if not lines:
        return None
    return f"{lines} lines on its stdout were no messages" if lines > 1 else "1 line on its stdout was no message"


def _process(row: Row) -> list[tuple[str, Any]]:
    peak, cpu = row.get("memory_peak_bytes"), row.get("cpu_percent")
    counted = {name: text for name, _, _, text in usage(row)}
    box: Any = row.get("sandbox")
    because = f" ({box['why']})" if isinstance(box, Mapping) and box.get("why") else ""
    return [
        ("pid", row.get("pid")),
        ("up", words.span(row.get("uptime_s"))),
        ("restarts", restarts(row)),
        ("memory", _in_all(row, words.size(_memory(row)), counted.get("memory"), peak)),
        ("tasks", _in_all(row, row.get("tasks"), counted.get("tasks"))),
        ("cpu", f"{cpu:.0f} %" if isinstance(cpu, int | float) else None),
        ("open files", counted.get("files", row.get("open_fds"))),
        ("limits", limits(row)),
        ("sandbox", f"{sandbox(row)}{because}"),
        *_given(box if isinstance(box, Mapping) else {}),
    ]


def _given(box: Row) -> list[tuple[str, Any]]:
    """What was opened for it, and what of that was not done as it was asked."""
    return [
        ("given to it", "\n".join(map(str, box.get("given") or []))),
        ("not as asked", "\n".join(map(str, box.get("notes") or []))),
    ]


def _in_all(row: Row, total: Any, counted: str | None, peak: Any = None) -> Any:
    """What is used, against its limit; where callers have their own: the sum, then the largest of them."""
    most = f", at most {words.size(peak)} so far" if peak else ""
    if not row.get("instances_detail"):
        return f"{counted or total}{most}" if total is not None else None
    return f"{total} in all; the largest: {counted}{most}" if counted else total


def _calls(row: Row) -> list[tuple[str, Any]]:
    window: Row = row.get("calls") or {}
    held = [f"{one.get('tool')}: {breaker(one)}" for one in row.get("breakers") or [] if is_held(one)]
    told = None
    if window.get("n"):
        told = f"{window['n']} in the last {words.span(window.get('window_s'))}, {window.get('errors')} failed"
        if window.get("p50_s") is not None:
            told += (
                f", half within {words.milliseconds(window.get('p50_s'))},"
                f" 95 % within {words.milliseconds(window.get('p95_s'))}"
            )
    return [
        ("calls", told),
        ("in flight", row.get("in_flight")),
        ("queued", row.get("queued")),
        ("takes calls", "one at a time" if row.get("serial") else None),
        ("late answers", row.get("late_answers") or None),
        (
            "breaker",
            breaker(row.get("breaker"), "calls are held back").removeprefix("breaker ") if row.get("breaker") else None,
        ),
        ("held back", "\n".join(held)),
        ("started ahead", _ahead(row)),
    ]


def _session(row: Row) -> str | None:
    instances = row.get("instances")
    return f"{row.get('session')}, {instances} of callers' own" if instances else row.get("session")


def _tools(row: Row) -> str:
    told = words.plain(row.get("tools"))
    more = [(row.get("quarantined_tools"), "quarantined"), (row.get("skipped_tools"), "skipped")]
    return ", ".join([told, *(f"{count} {what}" for count, what in more if count)])


def _ahead(row: Row) -> str | None:
    if not (row.get("prestarts") or row.get("spares")):
        return None
    times, wasted, waiting = (row.get(key) or 0 for key in ("prestarts", "wasted_starts", "spares"))
    return f"{times} times, {wasted} for nothing; {waiting} wait"


def tail(row: Row) -> Sequence[str]:
    """The newest lines of its stderr."""
    return [str(line) for line in row.get("stderr_tail") or []]
