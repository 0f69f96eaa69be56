"""The progress of a long verb: a moving bar on a terminal, plain lines elsewhere, nothing with --json. On stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gateway.cli.output import clean, say

Json = dict[str, Any]
Tell = Callable[[Json], None]


@contextmanager
def progress_shown(*, as_json: bool) -> Iterator[Tell]:
    """Give what a verb's `{"progress": …}` lines are told to."""
    if as_json:
        yield _nothing
    elif sys.stderr.isatty():
        with _moving_bar() as tell:
            yield tell
    else:
        yield PlainLines().tell


def _nothing(_line: Json) -> None:
    return


class PlainLines:
    """One line per step or message that differs from the last; a counter alone makes no new line."""

    def __init__(self) -> None:
        self._last = ""

    def tell(self, line: Json) -> None:
        """Hear one line."""
        text = described(line)
        if text and text != self._last:
            self._last = text
            say(text, err=True)


def described(line: Json) -> str:
    """Spell a progress line: step and message."""
    step: Json = line.get("progress") or {}
    return clean(": ".join(str(part) for part in (step.get("step"), step.get("message")) if part))


@contextmanager
def _moving_bar() -> Iterator[Tell]:
    from rich.console import Console  # noqa: PLC0415 - rich costs as much as all the rest of the command line
    from rich.markup import escape  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("working", total=None)

        def tell(line: Json) -> None:
            step: Json = line.get("progress") or {}
            bar.update(
                task, description=escape(described(line)) or "working",
                total=step.get("total"), completed=step.get("done") or 0,
            )  # fmt: skip

        yield tell
