from __future__ import annotations

from pathlib import Path

import pytest

from gateway.daemon.offline import open_offline
from gateway.daemon.state import AlreadyRunning, StateDirectory, StateLock
from gateway.errors import ConfigError
from gateway.verbs.all import OfflineVerbs


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMITHERY_BASE_URL", "MCP_REGISTRY_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("MCP_GATEWAY_STATE", "MCP_GATEWAY_TOKEN", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


async def test_a_state_directory_is_made_for_the_first_verb(tmp_path: Path) -> None:
    async with open_offline(tmp_path / "state") as verbs:
        assert await verbs.list_servers() == {"servers": []}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


async def test_while_a_daemon_holds_the_state_directory_nothing_is_opened(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state")
    state.prepare()
    with StateLock(state), pytest.raises(AlreadyRunning) as caught:
        async with open_offline(state.root):
            pass
    assert str(state.root) in caught.value.message


async def test_one_verb_holds_the_state_directory_while_it_works(tmp_path: Path) -> None:
    async with open_offline(tmp_path) as verbs:
        assert isinstance(verbs, OfflineVerbs)
        with pytest.raises(AlreadyRunning):
            async with open_offline(tmp_path):
                pass
    async with open_offline(tmp_path) as verbs:
        assert isinstance(verbs, OfflineVerbs)


async def test_the_configuration_of_the_state_directory_counts(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[gateway]\nport = 1234\n[[server]]\nname = "own"\ncommand = ["own"]\n')
    async with open_offline(tmp_path) as verbs:
        assert [row["name"] for row in (await verbs.list_servers())["servers"]] == ["own"]
        assert (await verbs.massgen_block())["url"] == "http://127.0.0.1:1234/mcp"


async def test_a_bad_configuration_is_told_and_the_lock_left_free(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[gateway]\nport = 0.5\n")
    with pytest.raises(ConfigError):
        async with open_offline(tmp_path):
            pass
    (tmp_path / "config.toml").unlink()
    async with open_offline(tmp_path) as verbs:
        assert isinstance(verbs, OfflineVerbs)
