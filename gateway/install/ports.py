"""What the install room needs of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from gateway.net.tags import Tag

Progress = Callable[[dict[str, Any]], None]
"""Progress of an installation: {"step": str, "message": str, "done": int | null, "total": int | null}."""


class Fetch(Protocol):
    """Downloads files; `gateway.net.Fetcher` is the real one."""

    async def fetch(
        self,
        url: str,
        *,
        to: Path,
        max_bytes: int,
        sha256: str | None = None,
        authorize: bool = False,
        progress: Callable[[int, int | None], None] | None = None,
        tagged: Callable[[Tag], None] | None = None,
    ) -> str:
        """Download `url` into `to` and return its SHA-256 in hex; `tagged` is told the version's name.

        Raises: InstallError, RefusedByPolicy.
        """
        ...

    async def unchanged(self, url: str, tag: Tag, *, authorize: bool = False) -> bool:
        """Say whether the file at `url` surely still is the version that `tag` names, without downloading it."""
        ...
