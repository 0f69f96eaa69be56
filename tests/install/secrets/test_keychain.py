"""Secrets in a keyring: the real library with a backend that keeps its entries in a file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import keyring as library
import pytest
from keyring.backends import fail
from keyrings.alt.file import PlaintextKeyring

from gateway.errors import GatewayError, NotFound, UsageError
from gateway.install.secrets.keychain import SERVICE, Keyring, KeyringSecrets, system_keyring


@pytest.fixture
def ring(tmp_path: Path) -> PlaintextKeyring:
    """A keyring whose entries lie in a file."""
    found = PlaintextKeyring()
    found.file_path = str(tmp_path / "ring")
    return found


@pytest.fixture
def kept(tmp_path: Path, ring: PlaintextKeyring) -> KeyringSecrets:
    """Secrets in that keyring."""
    return KeyringSecrets(tmp_path / "names", open_keyring=lambda: ring)


def test_a_secret_lies_in_the_keyring_and_only_its_name_beside_the_state(
    kept: KeyringSecrets, ring: PlaintextKeyring, tmp_path: Path
) -> None:
    kept.set("notes", "API_KEY", "canary-ä")
    assert ring.get_password(SERVICE, "notes/API_KEY") == "canary-ä"
    assert dict(kept.get("notes")) == {"API_KEY": "canary-ä"}
    assert kept.list() == {"notes": ["API_KEY"]}
    assert "canary" not in (tmp_path / "names/notes/API_KEY").read_text()


def test_a_removed_secret_is_gone_from_the_keyring(kept: KeyringSecrets, ring: PlaintextKeyring) -> None:
    kept.set("notes", "A", "1")
    kept.set("notes", "B", "2")
    kept.remove("notes", "A")
    assert ring.get_password(SERVICE, "notes/A") is None
    kept.remove_all("notes")
    assert (ring.get_password(SERVICE, "notes/B"), kept.list()) == (None, {})
    with pytest.raises(NotFound):
        kept.remove("notes", "A")


def test_an_entry_that_somebody_deleted_from_the_keyring_is_left_out(
    kept: KeyringSecrets, ring: PlaintextKeyring
) -> None:
    kept.set("notes", "A", "1")
    ring.delete_password(SERVICE, "notes/A")
    assert dict(kept.get("notes")) == {}
    kept.remove("notes", "A")


def test_names_and_values_are_judged_before_the_keyring_is_asked(kept: KeyringSecrets) -> None:
    for server, key, value in (("../x", "K", "v"), ("a", "../K", "v"), ("a", "K", "")):
        with pytest.raises(UsageError):
            kept.set(server, key, value)


def test_a_keyring_that_waits_for_a_person_is_given_up(tmp_path: Path, ring: PlaintextKeyring) -> None:
    unlocked = threading.Event()

    def locked() -> Keyring:
        unlocked.wait(20)
        return ring

    kept = KeyringSecrets(tmp_path / "names", open_keyring=locked, patience_s=0.05)
    try:
        with pytest.raises(GatewayError, match="is it locked") as told:
            kept.set("notes", "A", "1")
        assert 'secrets = "files"' in told.value.fix
        assert kept.list() == {}
    finally:
        unlocked.set()


@pytest.fixture
def no_keyring() -> Iterator[None]:
    """A machine without any keyring."""
    before = library.get_keyring()
    library.set_keyring(fail.Keyring())
    yield
    library.set_keyring(before)


@pytest.mark.usefixtures("no_keyring")
def test_a_machine_without_a_keyring_says_what_to_do(tmp_path: Path) -> None:
    kept = KeyringSecrets(tmp_path, open_keyring=system_keyring)
    with pytest.raises(GatewayError, match="there is none here") as told:
        kept.set("notes", "A", "1")
    assert told.value.fix
