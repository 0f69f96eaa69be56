"""Options beat the environment, the environment beats the file, and everything wrong is told at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.daemon.options import ServeOptions
from gateway.daemon.setup import Setup, process_environment, read_credential, read_setup
from gateway.errors import ConfigError, GatewayError
from gateway.model import Origin


def written(folder: Path, text: str, name: str = "config.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def setup_of(folder: Path, text: str = "", env: dict[str, str] | None = None, **options: object) -> Setup:
    """Read this configuration file with these options; the state lies below the folder."""
    file = written(folder, text)
    return read_setup(
        ServeOptions(config_file=file, **options),  # type: ignore[arg-type]
        {"MCP_GATEWAY_STATE": str(folder / "state"), **(env or {})},
    )


def servers_file(folder: Path) -> Path:
    servers = {"time": {"command": "time-server", "args": ["--utc"]}, "far": {"url": "https://far.example/mcp"}}
    return written(folder, json.dumps({"mcpServers": servers}), "servers.json")


def test_with_nothing_given_the_defaults_hold_and_the_starter_is_seeded(tmp_path: Path) -> None:
    setup = read_setup(ServeOptions(), {"MCP_GATEWAY_STATE": str(tmp_path)})
    assert (setup.config.gateway.host, setup.config.gateway.port) == ("127.0.0.1", 8808)
    assert (setup.config_file, setup.state.root, setup.seeds_starter) == (None, tmp_path, True)


def test_options_beat_the_file(tmp_path: Path) -> None:
    text = '[gateway]\nport = 1000\nlog = "json"\nlog_level = "debug"'
    gateway = setup_of(tmp_path, text, port=2000, log_level="error").config.gateway
    assert (gateway.port, gateway.log, gateway.log_level) == (2000, "json", "error")


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    env = {"SMITHERY_API_KEY": "from-env", "SMITHERY_BASE_URL": "http://127.0.0.1:1"}
    smithery = setup_of(tmp_path, '[smithery]\napi_key = "from-file"', env).config.smithery
    assert (smithery.api_key, smithery.base_url) == ("from-env", "http://127.0.0.1:1")


def test_a_credential_of_the_service_manager_is_read(tmp_path: Path) -> None:
    (tmp_path / "smithery-api-key").write_text("from-credential\n")
    setup = setup_of(tmp_path, "", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert setup.config.smithery.api_key == "from-credential"
    assert setup.credential("admin-token") is None


def test_without_a_credentials_directory_there_are_no_credentials() -> None:
    assert read_credential({}, "token") is None


def test_the_key_file_of_the_configuration_is_read(tmp_path: Path) -> None:
    key = written(tmp_path, "from-key-file\n", "key")
    assert setup_of(tmp_path, f'[smithery]\napi_key_file = "{key}"').config.smithery.api_key == "from-key-file"


def test_the_state_directory_is_the_options_then_the_environments_then_the_files(tmp_path: Path) -> None:
    file = written(tmp_path, f'[gateway]\nstate_dir = "{tmp_path}/c"')
    env = {"MCP_GATEWAY_STATE": str(tmp_path / "b")}
    chosen = [
        read_setup(ServeOptions(config_file=file, state_dir=tmp_path / "a"), env),
        read_setup(ServeOptions(config_file=file), env),
        read_setup(ServeOptions(config_file=file), {"HOME": str(tmp_path)}),
    ]
    assert [setup.state.root.name for setup in chosen] == ["a", "b", "c"]


def test_a_configuration_in_the_state_directory_is_found_by_itself(tmp_path: Path) -> None:
    file = written(tmp_path, "[gateway]\nport = 1234")
    setup = read_setup(ServeOptions(), {"MCP_GATEWAY_STATE": str(tmp_path)})
    assert (setup.config_file, setup.config.gateway.port, setup.seeds_starter) == (file, 1234, False)


def test_a_file_of_servers_is_served_as_it_is(tmp_path: Path) -> None:
    setup = read_setup(ServeOptions(mcp_servers=servers_file(tmp_path)), {"MCP_GATEWAY_STATE": str(tmp_path / "s")})
    tools = setup.config.tools
    assert [server.name for server in setup.config.server] == ["time", "far"]
    assert (tools.mode, tools.builtins) == ("all", False)
    assert (setup.origin, setup.serves_file, setup.seeds_starter) == (Origin.FILE, True, False)


def test_a_configuration_beside_a_file_of_servers_decides_about_the_tools(tmp_path: Path) -> None:
    text = '[tools]\nmode = "ranked"\n[[discover]]\nquery = "weather"\n[[server]]\nname = "own"\ncommand = ["own"]'
    setup = setup_of(tmp_path, text, mcp_servers=servers_file(tmp_path))
    assert (setup.config.tools.mode, setup.config.tools.builtins) == ("ranked", False)
    assert [server.name for server in setup.config.server] == ["time", "far"]
    assert setup.config.discover == ()


def test_a_configuration_without_tools_beside_a_file_of_servers_does_not_bring_the_builtins_back(
    tmp_path: Path,
) -> None:
    setup = setup_of(tmp_path, "[gateway]\nport = 1234", mcp_servers=servers_file(tmp_path))
    assert (setup.config.tools.mode, setup.config.tools.builtins) == ("all", False)


@pytest.mark.parametrize(("option", "prefix"), [(None, None), (True, None), (False, "")])
def test_the_file_s_tools_keep_their_own_names_when_asked(
    tmp_path: Path, option: bool | None, prefix: str | None
) -> None:
    options = ServeOptions(mcp_servers=servers_file(tmp_path), prefix_servers=option)
    setup = read_setup(options, {"MCP_GATEWAY_STATE": str(tmp_path / "s")})
    assert {server.prefix for server in setup.config.server} == {prefix}


def test_a_host_that_others_can_reach_is_refused_without_tls_or_consent(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gateway\.host"):
        setup_of(tmp_path, host="0.0.0.0")
    text = "[gateway]\nallow_insecure_bind = true"
    assert setup_of(tmp_path, text, host="0.0.0.0").config.gateway.host == "0.0.0.0"


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_cannot_be_one_is_refused(tmp_path: Path, port: int) -> None:
    with pytest.raises(GatewayError, match="port"):
        setup_of(tmp_path, port=port)


def test_port_zero_means_any_free_one(tmp_path: Path) -> None:
    assert setup_of(tmp_path, port=0).config.gateway.port == 0


def test_a_gpu_that_is_not_there_is_one_clear_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"learning\.device"):
        setup_of(tmp_path, '[learning]\ndevice = "cuda:97"')


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match=r"nowhere\.toml") as caught:
        read_setup(ServeOptions(config_file=tmp_path / "nowhere.toml"), {"MCP_GATEWAY_STATE": str(tmp_path)})
    assert (caught.value.code, bool(caught.value.fix)) == ("config", True)


@pytest.mark.parametrize("option", ["config_file", "mcp_servers"])
def test_a_file_that_is_no_text_is_named(tmp_path: Path, option: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GatewayError, match="UTF-8"):
        read_setup(ServeOptions(**{option: path}), {"MCP_GATEWAY_STATE": str(tmp_path / "s")})  # type: ignore[arg-type]


def test_every_problem_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        setup_of(tmp_path, '[gateway]\nport = 99999\n[tools]\nmode = "best"')
    assert [problem.path for problem in caught.value.problems] == ["gateway.port", "tools.mode"]


def test_the_environment_is_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_GATEWAY_URL", "http://127.0.0.1:1")
    env = process_environment()
    monkeypatch.delenv("MCP_GATEWAY_URL")
    assert env["MCP_GATEWAY_URL"] == "http://127.0.0.1:1"
