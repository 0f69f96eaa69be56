"""One server in full, and the death log, as a person reads them. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.admin.web import standing, words
from gateway.cli.output import clean, fields, table

Json = dict[str, Any]


def describe_server(row: Json) -> Iterable[str]:
    """Spell everything that is known of one server now."""
    yield from fields([("server", row.get("name")), *standing.particulars(row)])
    own = [standing.instance_line(one) for one in row.get("instances_detail") or []]
    if own:
        yield ""
        yield from table(standing.INSTANCE_HEAD, own)
    exits = [standing.exit_line(one) for one in row.get("exits") or []]
    if exits:
        yield ""
        yield from table(standing.EXIT_HEAD, exits)
    yield from last_lines(standing.tail(row))


def describe_deaths(result: Json, name: str | None) -> Iterable[str]:
    """Spell the death log; of one server also the last words of the newest."""
    rows = result.get("deaths") or []
    if not rows:
        yield "No deaths: no server ended that was wanted."
        return
    head = ("TIME (UTC)", "SERVER", "VERSION", *standing.EXIT_HEAD[1:])
    yield from table(head, [_death(row) for row in rows])
    if name is not None:
        yield from last_lines(rows[0].get("stderr_tail") or [])


def _death(row: Json) -> list[str]:
    at, *rest = standing.exit_line(row)
    return [at, words.plain(row.get("server")), words.plain(row.get("version")), *rest]


def last_lines(lines: Iterable[str]) -> Iterable[str]:
    """Show lines of a stderr, marked as somebody else's words."""
    shown = [clean(line) for line in lines]
    if shown:
        yield ""
        yield "The last lines of its stderr:"
        yield from (f"  | {line}" for line in shown)
