"""Secrets as files that only their owner may read: `root/<server>/<KEY>`."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from gateway.errors import NotFound
from gateway.install.planning.settings import secret_key
from gateway.install.secrets.values import KeysByServer, SecretValues, checked_bytes, checked_server
from gateway.model import SERVER_NAME_PATTERN


class FileSecrets:
    """Directories 0700, files 0600, written atomically. Blocking."""

    kind = "file"

    def __init__(self, root: Path) -> None:
        self._root = root

    def set(self, server: str, key: str, value: str) -> None:
        """Keep one secret, replacing the old one.

        Raises: UsageError for a name or value that cannot be kept.
        """
        folder = self._folder(server)
        place = folder / secret_key(key)
        data = checked_bytes(key, value)
        for directory in (self._root, folder):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)
        descriptor, temporary = tempfile.mkstemp(prefix=".", dir=folder)  # made 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(place)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def list(self, server: str | None = None) -> KeysByServer:
        """Return the keys (never the values) by server."""
        if server is not None:
            return {server: _keys(self._folder(server))}
        if not self._root.is_dir():
            return {}
        names = sorted(entry.name for entry in self._root.iterdir() if SERVER_NAME_PATTERN.fullmatch(entry.name))
        return {name: keys for name in names if (keys := _keys(self._folder(name)))}

    def get(self, server: str) -> SecretValues:
        """Return the values of one server, for its child's environment only."""
        folder = self._folder(server)
        return SecretValues({key: (folder / key).read_text("utf-8", "surrogateescape") for key in _keys(folder)})

    def remove(self, server: str, key: str) -> None:
        """Forget one secret.

        Raises: NotFound.
        """
        try:
            (self._folder(server) / secret_key(key)).unlink()
        except FileNotFoundError as exc:
            raise NotFound(f"{server} has no secret {key}", fix="See `mcp-gateway secret list`.") from exc

    def remove_all(self, server: str) -> None:
        """Forget every secret of a server."""
        shutil.rmtree(self._folder(server), ignore_errors=True)

    def _folder(self, server: str) -> Path:
        return self._root / checked_server(server)


def _keys(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
