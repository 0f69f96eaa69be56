"""Secrets that systemd gives."""

from __future__ import annotations

from pathlib import Path

from gateway.install.secrets.credentials import CredentialSecrets


def test_a_credential_names_its_server_and_key(tmp_path: Path) -> None:
    (tmp_path / "secret.notes.API.KEY").write_text("v\n")
    (tmp_path / "secret.other.K").write_text("w")
    (tmp_path / "token").write_text("not a server's")
    (tmp_path / "secret.Bad_Name.K").write_text("x")
    given = CredentialSecrets(str(tmp_path))
    assert given.list() == {"notes": ["API.KEY"], "other": ["K"]}
    assert (dict(given.get("notes")), dict(given.get("none"))) == ({"API.KEY": "v"}, {})


def test_without_systemd_there_are_none(tmp_path: Path) -> None:
    for directory in (None, "", str(tmp_path / "gone")):
        assert CredentialSecrets(directory).list() == {}
