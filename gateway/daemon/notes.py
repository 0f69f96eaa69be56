"""Small facts about installs that survive a restart: what was seeded, which rule installed what."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from gateway.daemon.state import write_private


class Notes:
    """A JSON file of lists of names by key; a damaged file counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self, key: str) -> list[str]:
        """Return the names noted under a key."""
        return self._read().get(key, [])

    def add(self, key: str, name: str) -> None:
        """Note a name under a key."""
        notes = self._read()
        noted = notes.setdefault(key, [])
        if name not in noted:
            noted.append(name)
            write_private(self._path, json.dumps(notes, indent=1).encode())

    def replace(self, key: str, name: str) -> None:
        """Note this name alone under a key."""
        write_private(self._path, json.dumps(self._read() | {key: [name]}, indent=1).encode())

    def _read(self) -> dict[str, list[str]]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, list[str]])
        except (OSError, ValueError):  # ValueError: what msgspec raises for JSON, types and UTF-8
            return {}
