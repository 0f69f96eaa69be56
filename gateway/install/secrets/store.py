"""All secrets of this machine's servers: what we keep (files or keyring), and over it what systemd gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from gateway.errors import NotFound, UsageError
from gateway.install.planning.settings import secret_key
from gateway.install.secrets.credentials import CredentialSecrets
from gateway.install.secrets.files import FileSecrets
from gateway.install.secrets.keychain import Keyring, KeyringSecrets, system_keyring
from gateway.install.secrets.values import KeysByServer, SecretValues

KEYRING_NAMES = ".keyring"  # no server can have this name


class Keeper(Protocol):
    """A place where secrets are kept."""

    @property
    def kind(self) -> str:
        """What `secret list` calls it."""
        ...

    def set(self, server: str, key: str, value: str) -> None: ...
    def list(self, server: str | None = None) -> KeysByServer: ...
    def get(self, server: str) -> SecretValues: ...
    def remove(self, server: str, key: str) -> None: ...
    def remove_all(self, server: str) -> None: ...


class SecretStore:
    """Secrets by server; each server gets its own only. Blocking.

    New secrets go to the first keeper. The others are still read, so that a changed `[install] secrets` loses nothing;
    what is set anew moves.
    """

    def __init__(self, first: Keeper, *others: Keeper, credentials: CredentialSecrets) -> None:
        self._keepers = (first, *others)
        self._credentials = credentials

    def set(self, server: str, key: str, value: str) -> None:
        """Keep one secret, replacing the old one.

        Raises: UsageError for a name or value that cannot be kept, or that systemd gives; GatewayError when the
        keyring does not serve.
        """
        if key in self._credentials.list().get(server, []):
            raise UsageError(
                f"{key} of {server} is given by systemd, which would win",
                fix=f"Change the credential secret.{server}.{key} of the unit.",
            )
        first, *others = self._keepers
        first.set(server, key, value)
        for other in others:
            if key in other.list(server)[server]:
                other.remove(server, key)

    def list(self, server: str | None = None) -> KeysByServer:
        """Return the keys (never the values) by server."""
        return {owner: sorted(places) for owner, places in self.places(server).items()}

    def places(self, server: str | None = None) -> dict[str, dict[str, str]]:
        """Return by server and key where each secret is kept: file, keyring or credential."""
        found: dict[str, dict[str, str]] = {}
        for keeper in reversed(self._keepers):
            for owner, keys in keeper.list(server).items():
                found.setdefault(owner, {}).update(dict.fromkeys(keys, keeper.kind))
        for owner, keys in self._credentials.list().items():
            if server in {None, owner}:
                found.setdefault(owner, {}).update(dict.fromkeys(keys, self._credentials.kind))
        return found

    def get(self, server: str) -> SecretValues:
        """Return the values of one server, for its child only.

        Raises: GatewayError when the keyring does not serve.
        """
        return SecretValues({**self.kept(server), **self._credentials.get(server)})

    def kept(self, server: str) -> SecretValues:
        """Return what we keep ourselves for one server: what an installation may have to put back.

        Raises: GatewayError when the keyring does not serve.
        """
        values: dict[str, str] = {}
        for keeper in reversed(self._keepers):
            if keeper.list(server)[server]:  # a keyring that has nothing of this server need not be opened
                values |= keeper.get(server)
        return SecretValues(values)

    def remove(self, server: str, key: str) -> None:
        """Forget one secret.

        Raises: NotFound; GatewayError when the keyring does not serve.
        """
        holders = [keeper for keeper in self._keepers if secret_key(key) in keeper.list(server)[server]]
        if not holders:
            raise NotFound(f"{server} has no secret {key} that is kept here", fix="See `mcp-gateway secret list`.")
        for keeper in holders:
            keeper.remove(server, key)

    def remove_all(self, server: str) -> None:
        """Forget every secret that we keep of a server.

        Raises: GatewayError when the keyring does not serve.
        """
        for keeper in self._keepers:
            keeper.remove_all(server)


def open_secrets(root: Path, *, kind: str, environ: Mapping[str, str], keyring: Keyring | None = None) -> SecretStore:
    """Open the secrets below `root`; `kind` (where new ones go) is "files" or "keyring"; `keyring` replaces the
    system's."""
    files = FileSecrets(root)
    ring = KeyringSecrets(root / KEYRING_NAMES, open_keyring=(lambda: keyring) if keyring else system_keyring)
    first, other = (ring, files) if kind == "keyring" else (files, ring)
    return SecretStore(first, other, credentials=CredentialSecrets(environ.get("CREDENTIALS_DIRECTORY")))
