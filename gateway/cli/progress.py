"""The progress of a long verb: moving bars on a terminal, plain lines elsewhere, nothing with --json. On stderr.

A verb about several servers has a bar, or lines, for each of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gateway.admin.web import words
from gateway.cli.output import clean, say

Json = dict[str, Any]
Tell = Callable[[Json], None]
DOWNLOAD = "fetch"  # the step whose `done` and `total` are bytes
ENDED = frozenset({"done", "failed"})


@contextmanager
def progress_shown(*, as_json: bool) -> Iterator[Tell]:
    """Give what a verb's `{"progress": …}` lines are told to."""
    if as_json:
        yield _nothing
    elif sys.stderr.isatty():
        with _moving_bars() as tell:
            yield tell
    else:
        yield PlainLines().tell


def _nothing(_line: Json) -> None:
    return


class PlainLines:
    """One line per step or message that differs from the server's last; a counter alone makes no new line."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def tell(self, line: Json) -> None:
        """Hear one line."""
        text, server = described(line), server_of(line)
        if text and text != self._last.get(server):
            self._last[server] = text
            say(f"{server}: {text}" if server else text, err=True)


def server_of(line: Json) -> str:
    """Which server a progress line is about, where a verb is about several."""
    return clean((line.get("progress") or {}).get("server") or "")


def described(line: Json) -> str:
    """Spell a progress line: step and message."""
    step: Json = line.get("progress") or {}
    return clean(": ".join(str(part) for part in (step.get("step"), step.get("message")) if part))


def amount(line: Json) -> str:
    """Spell how far a download is, in bytes; nothing for other steps."""
    step: Json = line.get("progress") or {}
    done, total = step.get("done"), step.get("total")
    if step.get("step") != DOWNLOAD or not isinstance(done, int):
        return ""
    return words.size(done) + (f" of {words.size(total)}" if isinstance(total, int) else "")


@contextmanager
def _moving_bars() -> Iterator[Tell]:
    from rich.console import Console  # noqa: PLC0415 - rich costs as much as all the rest of the command line
    from rich.markup import escape  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (
        SpinnerColumn(), TextColumn("{task.fields[server]}"), TextColumn("{task.description}"),
        BarColumn(bar_width=24), TextColumn("{task.fields[amount]}"), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(line: Json) -> None:
            step, server = line.get("progress") or {}, server_of(line)
            if server not in tasks:
                tasks[server] = bars.add_task("working", total=None, server=escape(server), amount="")
            has_ended = step.get("step") in ENDED
            bars.update(
                tasks[server], description=escape(described(line)) or "working", amount=amount(line),
                total=1 if has_ended else step.get("total"), completed=1 if has_ended else step.get("done") or 0,
            )  # fmt: skip

        yield tell
