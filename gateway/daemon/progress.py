"""Shows a person how installs get on: one line a server on a terminal, one line a step elsewhere."""

from __future__ import annotations

from typing import Any, Protocol

STEP_WIDTH = 14


class Terminal(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...
    def isatty(self) -> bool: ...


class InstallDisplay:
    """A small table that is redrawn in place on a terminal; plain lines elsewhere.

    It is a stream as well: what is written to it (the log) appears above the table.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._live = terminal.isatty()
        self._rows: dict[str, str] = {}
        self._drawn = 0

    def __call__(self, server: str, step: dict[str, Any]) -> None:
        """Take one step of one server's installation."""
        text = spelled(step)
        if self._rows.get(server) == text:
            return
        is_new_step = self._rows.get(server, "").split(" ")[0] != text.split(" ")[0]
        self._rows[server] = text
        if self._live:
            self._redraw()
        elif is_new_step:
            self._terminal.write(f"  {server:<{STEP_WIDTH}} {text}\n")
            self._terminal.flush()

    def write(self, text: str, /) -> int:
        """Write other text, above the table where there is one."""
        self._terminal.write(self._up() + "\x1b[J" + text if self._drawn else text)
        self._drawn = 0
        if self._live and self._rows and text.endswith("\n"):
            self._redraw()
        return len(text)

    def flush(self) -> None:
        """Pass on what was written."""
        self._terminal.flush()

    def isatty(self) -> bool:
        """Whether a person watches."""
        return self._live

    def finish(self) -> None:
        """Leave the table where it stands; what comes next is written below it."""
        self._rows.clear()
        self._drawn = 0

    def _up(self) -> str:
        return f"\x1b[{self._drawn}A" if self._drawn else ""

    def _redraw(self) -> None:
        up = self._up()
        body = "".join(f"\x1b[2K  {server:<{STEP_WIDTH}} {text}\n" for server, text in self._rows.items())
        self._terminal.write(up + body)
        self._terminal.flush()
        self._drawn = len(self._rows)


def spelled(step: dict[str, Any]) -> str:
    """One step as a person reads it."""
    done, total = step.get("done"), step.get("total")
    part = f" {100 * done // total} %" if isinstance(done, int) and isinstance(total, int) and total > 1 else ""
    message = " ".join(str(step.get("message", "")).split())[:90]
    return f"{step.get('step', '')}{part} {message}".rstrip()
