"""Secrets that systemd gives: credentials named `secret.<server>.<KEY>` (LoadCredential=). Read only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.install.secrets.values import KeysByServer, SecretValues, checked_server
from gateway.model import SERVER_NAME_PATTERN

PREFIX = "secret."


class CredentialSecrets:
    """The directory that `$CREDENTIALS_DIRECTORY` names; None: systemd gave nothing."""

    kind = "credential"

    def __init__(self, directory: str | None) -> None:
        self._directory = Path(directory) if directory else None

    def list(self) -> KeysByServer:
        """Return the keys by server."""
        found: KeysByServer = {}
        for name in _names(self._directory):
            server, _, key = name.removeprefix(PREFIX).partition(".")
            if key and SERVER_NAME_PATTERN.fullmatch(server):
                found.setdefault(server, []).append(key)
        return found

    def get(self, server: str) -> SecretValues:
        """Return the values of one server."""
        keys = self.list().get(checked_server(server), [])
        return SecretValues({key: self._read(f"{PREFIX}{server}.{key}") for key in keys})

    def _read(self, name: str) -> str:
        assert self._directory is not None  # noqa: S101 - `list` found the file in it
        # An editor's or echo's line end is not part of the secret.
        return (self._directory / name).read_text("utf-8", "surrogateescape").removesuffix("\n")


def _names(directory: Path | None) -> Sequence[str]:
    if directory is None or not directory.is_dir():
        return ()
    return sorted(entry.name for entry in directory.iterdir() if entry.name.startswith(PREFIX))
