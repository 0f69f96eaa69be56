"""Secrets on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import NotFound, UsageError
from gateway.install.secrets.files import FileSecrets
from gateway.install.secrets.values import MAX_SECRET_BYTES


def test_a_secret_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    store = FileSecrets(tmp_path / "secrets")
    store.set("notes", "API_KEY", "s3cret")
    assert (tmp_path / "secrets/notes/API_KEY").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secrets/notes").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_what_was_set_is_got_and_replaced(tmp_path: Path) -> None:
    store = FileSecrets(tmp_path)
    store.set("notes", "K", "ä\none")
    store.set("notes", "K", "ä\ntwo\n")
    assert dict(store.get("notes")) == {"K": "ä\ntwo\n"}


def test_a_server_gets_its_own_secrets_only(tmp_path: Path) -> None:
    store = FileSecrets(tmp_path)
    store.set("a", "K", "1")
    store.set("b", "L", "2")
    assert (dict(store.get("a")), dict(store.get("c"))) == ({"K": "1"}, {})
    assert (store.list(), store.list("b")) == ({"a": ["K"], "b": ["L"]}, {"b": ["L"]})


def test_the_values_are_in_no_spelling(tmp_path: Path) -> None:
    store = FileSecrets(tmp_path)
    store.set("a", "K", "canary")
    values = store.get("a")
    assert "canary" not in f"{values!r} {values} {values:}"


def test_a_removed_secret_is_gone(tmp_path: Path) -> None:
    store = FileSecrets(tmp_path)
    store.set("a", "K", "1")
    store.set("a", "L", "1")
    store.remove("a", "K")
    assert store.list("a") == {"a": ["L"]}
    store.remove_all("a")
    assert store.list() == {}
    with pytest.raises(NotFound):
        store.remove("a", "K")


@pytest.mark.parametrize(
    ("server", "key"), [("../x", "K"), ("a", "../K"), ("a", ""), ("A", "K"), ("a", "K/L"), ("", "K")]
)
def test_names_cannot_lead_out_of_the_store(tmp_path: Path, server: str, key: str) -> None:
    with pytest.raises(UsageError):
        FileSecrets(tmp_path / "secrets").set(server, key, "v")
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize("value", ["", "a\0b", "x" * (MAX_SECRET_BYTES + 1)])
def test_a_value_that_no_environment_can_carry_is_refused_without_being_told(tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        FileSecrets(tmp_path).set("a", "K", value)
    assert not value or value not in str(caught.value)


def test_a_failing_write_leaves_the_old_value(tmp_path: Path) -> None:
    store = FileSecrets(tmp_path)
    store.set("a", "K", "old")
    (tmp_path / "a/L").mkdir()
    with pytest.raises(OSError, match="directory"):
        store.set("a", "L", "new")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["K", "L"]
