"""`Stillness`: is a server held still by a signal (SIGSTOP)? Then it answers nobody, however busy it may have been.

Judged by several looks at the kernel's own words, so that one which is stopped for a moment only is none. A server that
was started by another program (bwrap, npx, a shell) is looked for behind it, as far as each has only one child. One
that a debugger holds is not meant. Where there is no /proc nothing is seen.
"""

from __future__ import annotations

from typing import Final

from gateway.supervisor.processes.procfs import Seen, everybody, look

LOOKS: Final = 3
LONGEST_LINE: Final = 8


class Stillness:
    """What was seen of one first process so far."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before: list[tuple[int, int, int]] = []
        self._looks = 0

    def look(self) -> bool:
        """Look once more; whether it was held at all of the last looks, and did nothing between them."""
        line = self._line()
        now = [(*one.name, one.ticks) for one in line]
        is_held = any(one.is_held for one in line)
        self._looks = (self._looks if now == self._before else 0) + 1 if is_held else 0
        self._before = now
        return self._looks >= LOOKS

    def _line(self) -> list[Seen]:
        """The first process, its only child, the only child of that one, and so on."""
        first = look(self._pid)
        line = [first] if first is not None else []
        if first is None or first.is_held:
            return line
        below: dict[int, list[Seen]] = {}
        for one in everybody():
            below.setdefault(one.parent, []).append(one)
        while len(line) < LONGEST_LINE and len(only := below.get(line[-1].pid, [])) == 1:
            line += only
        return line
