"""What people and programs read: aligned tables in colour on a terminal, one JSON value with --json."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from gateway.admin.problems import describe
from gateway.admin.web import words
from gateway.errors import GatewayError

GAP = "  "
_COLOURS = {
    "ready": "green", "healthy": "green", "ok": "green", "yes": "green", "starting": "cyan", "stopping": "cyan",
    "backoff": "red", "failed": "red", "unhealthy": "red", "down": "red", "timeout": "red", "gone": "red",
    "degraded": "yellow", "stale": "yellow", "warning": "yellow", "tool_error": "yellow", "unauthorized": "yellow",
    "refused": "yellow", "no": "yellow",
}  # fmt: skip


def is_colourful(*, err: bool = False) -> bool:
    """Say whether to colour: on a terminal, unless NO_COLOR is set."""
    stream = sys.stderr if err else sys.stdout
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(line: str = "", *, err: bool = False) -> None:
    """Print one line for a person."""
    click.echo(line, err=err, color=is_colourful(err=err))


def say_json(value: Any) -> None:
    """Print the one JSON value."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def report_error(error: GatewayError, *, as_json: bool) -> int:
    """Tell an error, on stdout as JSON or on stderr for people, and return its exit status."""
    if as_json:
        say_json(describe(error))
        return error.exit_status
    mark, fix = (click.style("error:", fg="red", bold=True), click.style("fix:", bold=True))
    lines = [f"{mark} {clean_lines(error.message)}"]
    tail = getattr(error, "tail", None) or describe(error)["error"].get("details", {}).get("tail") or ()
    lines += [f"  | {clean(line)}" for line in tail]
    if error.fix:
        lines.append(f"{fix} {clean_lines(error.fix)}")
    say("\n".join(lines), err=True)
    return error.exit_status


def clean(text: object) -> str:
    """Take control characters out of text that came from elsewhere: it must not drive the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))


def clean_lines(text: str) -> str:
    """Do the same line by line."""
    return "\n".join(clean(line) for line in text.split("\n"))


def coloured(word: str) -> str:
    """Give a state its colour; the caller has padded it already."""
    colour = _COLOURS.get(word.strip())
    return click.style(word, fg=colour) if colour else word


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> list[str]:
    """Align rows below their heads; on a terminal the last column is cut to what fits. `right` columns end aligned."""
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(len(title), *(len(row[i]) for row in cells), 0) for i, title in enumerate(head)]
    room = _room(widths)
    lines = [click.style(_line(head, widths, head, right, room), bold=True)]
    lines += [_line(row, widths, head, right, room, paint=True) for row in cells]
    return lines


def _room(widths: Sequence[int]) -> int | None:
    if not sys.stdout.isatty():
        return None
    before = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
    return max(16, shutil.get_terminal_size().columns - before)


def _line(
    row: Sequence[str], widths: Sequence[int], head: Sequence[str], right: Sequence[str], room: int | None,
    *, paint: bool = False,
) -> str:  # fmt: skip
    made = []
    for i, cell in enumerate(row):
        if i == len(row) - 1:
            padded = cell if room is None or len(cell) <= room else cell[: room - 1] + "…"
        else:
            padded = cell.rjust(widths[i]) if head[i] in right else cell.ljust(widths[i])
        made.append(coloured(padded) if paint else padded)
    return GAP.join(made).rstrip()


def fields(pairs: Iterable[tuple[str, object]]) -> list[str]:
    """Align names and values."""
    known = [(name, clean_lines(str(value))) for name, value in pairs]
    width = max((len(name) for name, _ in known), default=0)
    lines = []
    for name, value in known:
        first, *rest = value.split("\n")
        lines.append(f"{click.style(name.ljust(width), bold=True)}{GAP}{first}")
        lines += [" " * (width + len(GAP)) + line for line in rest]
    return lines


def spelled(value: Any) -> str:
    """Return a value on one line: a list of texts as words, other structures as JSON, nothing as a dash."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " ".join(value) or words.NOTHING
    if isinstance(value, dict | list) and value:
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) and value else words.NOTHING
