"""Secrets in the keyring of the operating system, by the `keyring` library; their names lie beside the state.

A keyring cannot be asked what it holds, so `root/<server>/<KEY>` (empty files) remembers which entries are ours.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from gateway.errors import GatewayError, NotFound
from gateway.install.planning.settings import secret_key
from gateway.install.secrets.files import FileSecrets
from gateway.install.secrets.values import KeysByServer, SecretValues, checked_bytes, checked_server

SERVICE = "mcp-gateway"
PATIENCE_S = 5.0  # a locked keyring may ask a person who is not there
T = TypeVar("T")


class Keyring(Protocol):
    """What we need of a backend of the `keyring` library."""

    def get_password(self, service: str, username: str) -> str | None: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


class KeyringSecrets:
    """Entries `mcp-gateway` / `<server>/<KEY>`. Every access is bounded in time. Blocking."""

    kind = "keyring"

    def __init__(self, root: Path, *, open_keyring: Callable[[], Keyring], patience_s: float = PATIENCE_S) -> None:
        self._names = FileSecrets(root)
        self._open = open_keyring
        self._patience_s = patience_s

    def set(self, server: str, key: str, value: str) -> None:
        """Keep one secret, replacing the old one.

        Raises: UsageError for a name or value that cannot be kept; GatewayError when the keyring does not serve.
        """
        account = _account(server, key)
        checked_bytes(key, value)
        self._bounded(lambda ring: ring.set_password(SERVICE, account, value))
        self._names.set(server, key, "kept in the keyring\n")

    def list(self, server: str | None = None) -> KeysByServer:
        """Return the keys (never the values) by server."""
        return self._names.list(server)

    def get(self, server: str) -> SecretValues:
        """Return the values of one server; a secret that the keyring has lost is left out.

        Raises: GatewayError when the keyring does not serve.
        """
        keys = self._names.list(server)[server]
        found = self._bounded(lambda ring: {key: ring.get_password(SERVICE, _account(server, key)) for key in keys})
        return SecretValues({key: value for key, value in found.items() if value is not None})

    def remove(self, server: str, key: str) -> None:
        """Forget one secret.

        Raises: NotFound; GatewayError when the keyring does not serve.
        """
        if secret_key(key) not in self._names.list(server)[server]:
            raise NotFound(f"{server} has no secret {key}", fix="See `mcp-gateway secret list`.")
        self._bounded(lambda ring: _delete(ring, _account(server, key)))
        self._names.remove(server, key)

    def remove_all(self, server: str) -> None:
        """Forget every secret of a server.

        Raises: GatewayError when the keyring does not serve.
        """
        for key in self._names.list(server)[server]:
            self.remove(server, key)
        self._names.remove_all(server)

    def _bounded(self, work: Callable[[Keyring], T]) -> T:
        """Do something with the keyring, or give up; a thread that still waits for a person is left to it."""
        outcome: list[T] = []
        failure: list[Exception] = []

        def run() -> None:
            try:
                outcome.append(work(self._open()))
            except Exception as exc:  # noqa: BLE001 - backends raise what they like; it is told below
                failure.append(exc)

        thread = threading.Thread(target=run, name="keyring", daemon=True)
        thread.start()
        thread.join(self._patience_s)
        if failure:
            if isinstance(failure[0], GatewayError):
                raise failure[0]
            raise _unusable(f"{type(failure[0]).__name__}") from failure[0]
        if not outcome:
            raise _unusable(f"it did not answer within {self._patience_s:g} s; is it locked?")
        return outcome[0]


def _account(server: str, key: str) -> str:
    return f"{checked_server(server)}/{secret_key(key)}"


def _delete(ring: Keyring, account: str) -> None:
    if ring.get_password(SERVICE, account) is not None:
        ring.delete_password(SERVICE, account)


def _unusable(why: str) -> GatewayError:
    return GatewayError(
        f"the keyring of this system does not serve: {why}",
        fix='Unlock it, or keep secrets as files: secrets = "files" in [install].',
        code="keyring",
    )


def system_keyring() -> Keyring:
    """Open the keyring that the `keyring` library chooses here.

    Raises: GatewayError when there is none.
    """
    import keyring  # noqa: PLC0415 - looks for D-Bus and backends; only who asks for a keyring pays
    from keyring.backends.fail import Keyring as NoKeyring  # noqa: PLC0415

    found = keyring.get_keyring()
    if isinstance(found, NoKeyring):
        raise _unusable("there is none here")
    return found
