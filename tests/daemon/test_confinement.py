"""What of the gateway's own no server is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.daemon.confinement import confiner_of, layout_of
from gateway.daemon.options import ServeOptions
from gateway.daemon.setup import Setup, read_setup


def setup_of(folder: Path, text: str = "", *, servers: str = "", **env: str) -> Setup:
    """The setup of a daemon with this configuration, and perhaps a file of servers."""
    (folder / "state").mkdir(exist_ok=True)
    file = folder / "config.toml"
    file.write_text(text)
    given = folder / "servers.json" if servers else None
    if given is not None:
        given.write_text(servers)
    options = ServeOptions(config_file=file, state_dir=folder / "state", mcp_servers=given)
    return read_setup(options, {"HOME": str(folder / "home"), **env})


def hidden(setup: Setup, folder: Path) -> set[str]:
    """What is hidden, below a folder."""
    return {
        str(Path(place.real).relative_to(folder.resolve()))
        for place in layout_of(setup).hidden()
        if Path(place.real).is_relative_to(folder.resolve())
    }


def test_the_state_and_the_configuration_are_hidden(tmp_path: Path) -> None:
    assert hidden(setup_of(tmp_path), tmp_path) == {"state", "config.toml"}


def test_so_is_a_file_of_servers_which_may_hold_secrets(tmp_path: Path) -> None:
    found = hidden(setup_of(tmp_path, servers='{"mcpServers": {"a": {"command": "true"}}}'), tmp_path)
    assert found == {"state", "config.toml", "servers.json"}


def test_so_are_a_key_file_and_a_store_that_lies_elsewhere(tmp_path: Path) -> None:
    for name in ("key", "elsewhere.db", "elsewhere.db-wal"):
        (tmp_path / name).write_text("key")
    text = f'[smithery]\napi_key_file = "{tmp_path}/key"\n[store]\nurl = "sqlite:///{tmp_path}/elsewhere.db"\n'
    found = hidden(setup_of(tmp_path, text), tmp_path)
    assert found == {"state", "config.toml", "key", "elsewhere.db", "elsewhere.db-wal"}


@pytest.mark.parametrize("variable", ["CREDENTIALS_DIRECTORY", "CONFIGURATION_DIRECTORY"])
def test_so_are_the_folders_that_systemd_gives_us(tmp_path: Path, variable: str) -> None:
    (tmp_path / "given").mkdir()
    found = hidden(setup_of(tmp_path, **{variable: str(tmp_path / "given")}), tmp_path)
    assert "given" in found


def test_what_servers_inherit_of_our_environment_is_known(tmp_path: Path) -> None:
    assert layout_of(setup_of(tmp_path)).ours["HOME"] == str(tmp_path / "home")


@pytest.mark.process
async def test_the_confiner_looks_at_this_machine(tmp_path: Path) -> None:
    found = await confiner_of(setup_of(tmp_path)).host()
    assert found.landlock.works or found.landlock.why_not
