"""Files, keyring and systemd's credentials as one store."""

from __future__ import annotations

from pathlib import Path

import pytest
from keyrings.alt.file import PlaintextKeyring

from gateway.errors import NotFound, UsageError
from gateway.install.secrets.store import SecretStore, open_secrets


@pytest.fixture
def ring(tmp_path: Path) -> PlaintextKeyring:
    """A keyring of the real library, whose entries lie in a file."""
    found = PlaintextKeyring()
    found.file_path = str(tmp_path / "ring")
    return found


def opened(tmp_path: Path, kind: str, ring: PlaintextKeyring, **environ: str) -> SecretStore:
    """The secrets of one state directory."""
    return open_secrets(tmp_path / "secrets", kind=kind, environ=environ, keyring=ring)


def test_secrets_survive_a_change_of_where_they_are_kept_and_move_when_they_are_set(
    tmp_path: Path, ring: PlaintextKeyring
) -> None:
    files = opened(tmp_path, "files", ring)
    files.set("notes", "A", "1")
    files.set("notes", "B", "2")
    store = opened(tmp_path, "keyring", ring)
    assert dict(store.get("notes")) == {"A": "1", "B": "2"}
    store.set("notes", "A", "3")
    assert store.places("notes") == {"notes": {"A": "keyring", "B": "file"}}
    assert not (tmp_path / "secrets/notes/A").exists()
    back = opened(tmp_path, "files", ring)
    assert dict(back.get("notes")) == {"A": "3", "B": "2"}
    assert back.list() == {"notes": ["A", "B"]}


def test_a_credential_of_systemd_wins_and_cannot_be_set(tmp_path: Path, ring: PlaintextKeyring) -> None:
    given = tmp_path / "credentials"
    given.mkdir()
    (given / "secret.notes.A").write_text("from systemd\n")
    store = opened(tmp_path, "files", ring, CREDENTIALS_DIRECTORY=str(given))
    assert dict(store.get("notes")) == {"A": "from systemd"}
    assert store.places() == {"notes": {"A": "credential"}}
    with pytest.raises(UsageError, match="given by systemd"):
        store.set("notes", "A", "mine")
    assert dict(store.kept("notes")) == {}


def test_what_is_removed_is_gone_from_every_place(tmp_path: Path, ring: PlaintextKeyring) -> None:
    opened(tmp_path, "files", ring).set("notes", "A", "1")
    store = opened(tmp_path, "keyring", ring)
    store.set("notes", "B", "2")
    store.remove("notes", "A")
    assert dict(store.get("notes")) == {"B": "2"}
    with pytest.raises(NotFound):
        store.remove("notes", "A")
    store.remove_all("notes")
    assert store.list() == {}
    assert ring.get_password("mcp-gateway", "notes/B") is None


def test_files_are_served_though_there_is_no_keyring(tmp_path: Path) -> None:
    store = open_secrets(tmp_path, kind="files", environ={})
    store.set("notes", "A", "1")
    assert dict(store.get("notes")) == {"A": "1"}
    store.remove_all("notes")
    assert dict(store.get("notes")) == {}
