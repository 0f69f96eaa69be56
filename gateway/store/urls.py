"""Where a store lies, by its URL. No I/O."""

from __future__ import annotations

from pathlib import Path

from gateway.errors import StoreError

SQLITE_PREFIX = "sqlite:///"


def sqlite_url(path: Path) -> str:
    """Spell the URL of the SQLite file at `path` (absolute)."""
    return SQLITE_PREFIX + str(path)


def sqlite_path(url: str) -> Path:
    """Return the absolute path of the SQLite file that `url` names.

    Raises: StoreError for any other kind of store.
    """
    rest = url.removeprefix(SQLITE_PREFIX).lstrip("/")
    if not url.startswith(SQLITE_PREFIX) or not rest:
        raise StoreError(
            f"the store URL {_without_password(url)!r} is not one this version can open",
            fix='Set [store] url = "sqlite:////absolute/path/gateway.db", or leave it empty.',
        )
    return Path("/" + rest)


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
