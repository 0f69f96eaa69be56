from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gateway.daemon.state import AlreadyRunning, StateDirectory, StateLock, short_hash, write_private
from gateway.errors import GatewayError


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    directory = StateDirectory(tmp_path / "state")
    directory.prepare()
    return directory


def test_the_state_directory_is_private(state: StateDirectory) -> None:
    assert state.root.stat().st_mode & 0o777 == 0o700


def test_a_file_in_its_place_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a directory")
    with pytest.raises(GatewayError) as caught:
        StateDirectory(tmp_path / "state").prepare()
    assert "--state-dir" in caught.value.fix


def test_a_second_daemon_is_refused_while_the_first_holds_the_lock(state: StateDirectory) -> None:
    with StateLock(state), pytest.raises(AlreadyRunning), StateLock(state):
        pass


def test_the_lock_is_free_again_afterwards(state: StateDirectory) -> None:
    with StateLock(state):
        pass
    with StateLock(state) as lock:
        assert lock is not None


def test_a_key_is_made_once_and_kept(state: StateDirectory) -> None:
    key = state.key("session")
    assert len(key) == 32
    assert state.key("session") == key
    assert (state.root / "session.key").stat().st_mode & 0o777 == 0o600


def test_the_daemon_file_says_where_the_daemon_is(state: StateDirectory) -> None:
    state.write_daemon_file(url="http://127.0.0.1:1", version="0.1.0", started_at="2026-01-01T00:00:00.000Z")
    told = json.loads(state.daemon_file.read_text())
    assert told == {
        "pid": os.getpid(),
        "url": "http://127.0.0.1:1",
        "version": "0.1.0",
        "started_at": "2026-01-01T00:00:00.000Z",
    }


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, b"old")
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["secret"]


def test_a_principal_does_not_tell_its_token() -> None:
    assert short_hash("token") == short_hash("token") != short_hash("tokem")
    assert "token" not in short_hash("token")


def test_what_somebody_opened_is_closed_again(state: StateDirectory) -> None:
    write_private(state.token_file("token"), b"token")
    (state.root / "secrets" / "a").mkdir(mode=0o700)
    write_private(state.root / "secrets" / "a" / "KEY", b"key")
    own = state.root / "data" / "a"
    own.mkdir()
    own.chmod(0o755)
    assert state.close_again() == []
    for place, mode in (("", 0o777), ("token", 0o666), ("secrets", 0o755), ("secrets/a/KEY", 0o604)):
        (state.root / place).chmod(mode)
    assert state.close_again() == [".", "secrets", "token", "secrets/a/KEY"]
    modes = [(state.root / name).stat().st_mode & 0o777 for name in ("", "token", "secrets", "secrets/a/KEY", "data/a")]
    assert modes == [0o700, 0o600, 0o700, 0o600, 0o755]


def test_what_was_closed_to_ourselves_is_opened_to_us_and_links_are_not_followed(
    state: StateDirectory, tmp_path: Path
) -> None:
    write_private(state.store_path, b"store")
    state.store_path.chmod(0)
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "elsewhere").chmod(0o644)
    (state.root / "link").symlink_to(tmp_path / "elsewhere")
    assert state.close_again() == ["gateway.db"]
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o644
