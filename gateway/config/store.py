"""`[store]` and `[massgen]`: where things are kept and where MassGen logs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreSection:
    """`url` empty: SQLite in the state directory."""

    url: str = ""


@dataclass(frozen=True, slots=True)
class MassgenSection:
    """Folders in which MassGen writes its logs."""

    log_dirs: tuple[str, ...] = ()
