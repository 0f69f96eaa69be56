"""What a secret may be, and values that are in no spelling. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.errors import UsageError
from gateway.model import SERVER_NAME_PATTERN

MAX_SECRET_BYTES = 64 * 1024
KeysByServer = dict[str, list[str]]


class SecretValues(Mapping[str, str]):
    """A mapping whose spelling tells the keys only."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"SecretValues({sorted(self._values)})"


def checked_server(server: str) -> str:
    """Return a server's name that may become part of a path.

    Raises: UsageError.
    """
    if SERVER_NAME_PATTERN.fullmatch(server) is None:
        raise UsageError(f"{server[:40]!a} is not a server's name", fix="See `mcp-gateway list`.")
    return server


def checked_bytes(key: str, value: str) -> bytes:
    """Return a value that can be kept and given to a child.

    Raises: UsageError; the value is not in it.
    """
    data = value.encode("utf-8", "surrogateescape")
    if not data or len(data) > MAX_SECRET_BYTES or b"\0" in data:
        raise UsageError(
            f"the value of {key} cannot be kept", fix=f"A secret is 1 to {MAX_SECRET_BYTES} bytes without NUL."
        )
    return data
