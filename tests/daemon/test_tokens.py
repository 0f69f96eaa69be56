from __future__ import annotations

from pathlib import Path

import pytest

from gateway.daemon.state import StateDirectory
from gateway.daemon.tokens import ADMIN, AGENTS, TokenStore
from gateway.errors import UsageError


def store(tmp_path: Path, env: dict[str, str] | None = None, credentials: dict[str, str] | None = None) -> TokenStore:
    state = StateDirectory(tmp_path)
    state.prepare()
    return TokenStore(state, env or {}, (credentials or {}).get)


def test_a_token_is_made_at_first_use_and_kept(tmp_path: Path) -> None:
    first = store(tmp_path).load(AGENTS)
    assert len(first.value) >= 43
    assert store(tmp_path).load(AGENTS) == first
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_the_two_tokens_differ(tmp_path: Path) -> None:
    assert store(tmp_path).load(AGENTS).value != store(tmp_path).load(ADMIN).value


def test_the_environment_beats_the_credential_and_the_file(tmp_path: Path) -> None:
    tokens = store(tmp_path, {"MCP_GATEWAY_TOKEN": "from-env"}, {"token": "from-credential"})
    assert tokens.load(AGENTS).value == "from-env"


def test_a_credential_beats_the_file(tmp_path: Path) -> None:
    assert store(tmp_path, credentials={"admin-token": "from-credential\n"}).load(ADMIN).value == "from-credential"


def test_rotation_replaces_the_token(tmp_path: Path) -> None:
    tokens = store(tmp_path)
    before = tokens.load(AGENTS)
    assert tokens.rotate(AGENTS).value != before.value
    assert tokens.load(AGENTS).value == tokens.load(AGENTS).value != before.value


def test_a_token_is_looked_for_once_because_each_request_asks(tmp_path: Path) -> None:
    tokens = store(tmp_path)
    before = tokens.load(AGENTS)
    (tmp_path / "token").write_text("changed behind its back")
    assert tokens.load(AGENTS) == before
    assert store(tmp_path).load(AGENTS).value == "changed behind its back"


def test_rotating_one_token_leaves_the_other(tmp_path: Path) -> None:
    tokens = store(tmp_path)
    admin = tokens.load(ADMIN)
    rotated = tokens.rotate(AGENTS)
    assert tokens.load(ADMIN) == admin
    assert (tmp_path / "token").read_text() == rotated.value
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_a_principal_is_another_after_a_rotation(tmp_path: Path) -> None:
    tokens = store(tmp_path)
    before = tokens.load(AGENTS).principal
    assert tokens.rotate(AGENTS).principal != before


def test_a_token_given_from_outside_cannot_be_rotated_here(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="MCP_GATEWAY_TOKEN"):
        store(tmp_path, {"MCP_GATEWAY_TOKEN": "x"}).rotate(AGENTS)


def test_an_unknown_token_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no token"):
        store(tmp_path).rotate("third")


def test_one_token_for_both_is_refused(tmp_path: Path) -> None:
    same = {"MCP_GATEWAY_TOKEN": "same", "MCP_GATEWAY_ADMIN_TOKEN": "same"}
    with pytest.raises(UsageError, match="the same"):
        store(tmp_path, same).check_distinct()
    store(tmp_path).check_distinct()
