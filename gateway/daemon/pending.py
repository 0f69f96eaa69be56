"""Servers that are wanted and not here yet: what is being done for each, or why it could not be done. No I/O."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
INSTALLING, FAILED = "installing", "failed"


class Pending:
    """Rows for `status`, by name; one leaves when its server is installed."""

    def __init__(self) -> None:
        self._rows: dict[str, Json] = {}

    def step(self, name: str, from_: str, message: str) -> None:
        """Something is being done."""
        self._rows[name] = {"name": name, "from": from_, "state": INSTALLING, "message": message, "fix": ""}

    def failed(self, name: str, from_: str, message: str, fix: str) -> None:
        """It could not be done; it is tried again."""
        self._rows[name] = {"name": name, "from": from_, "state": FAILED, "message": message, "fix": fix}

    def done(self, name: str) -> None:
        """It is here."""
        self._rows.pop(name, None)

    def keep(self, names: set[str]) -> None:
        """Forget those that nobody wants any more."""
        self._rows = {name: row for name, row in self._rows.items() if name in names}

    def rows(self) -> list[Json]:
        """What is pending, by name."""
        return [self._rows[name] for name in sorted(self._rows)]
