"""What a daemon (or an offline verb) starts from: options, environment and files, read into one value."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.admin.location import state_directory
from gateway.config import Config, load_config
from gateway.config.environment import apply_environment
from gateway.config.gateway import GatewaySection
from gateway.config.mcp_servers import read_mcp_servers
from gateway.config.rules import bind_problems, cuda_problem
from gateway.daemon.files import read_regular, read_settings
from gateway.daemon.options import ServeOptions
from gateway.daemon.state import StateDirectory
from gateway.errors import ConfigError, Problem
from gateway.model import Origin

MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Setup:
    """A validated configuration, where it came from, and the state directory.

    `origin` is that of the configuration's servers. `seeds_starter`: with nothing configured, the starter catalogue is
    installed. `serves_file`: exactly the servers of a plain `mcpServers` file are served, which is `servers_file`.
    """

    config: Config
    config_file: Path | None
    state: StateDirectory
    env: Mapping[str, str]
    origin: Origin
    seeds_starter: bool
    serves_file: bool
    servers_file: Path | None = None  # that file

    def credential(self, name: str) -> str | None:
        """Return a systemd credential's text, or None when there is none."""
        return read_credential(self.env, name)


def read_credential(env: Mapping[str, str], name: str) -> str | None:
    """Read `$CREDENTIALS_DIRECTORY/NAME`; None when it is not there."""
    directory = env.get("CREDENTIALS_DIRECTORY")
    if not directory:
        return None
    try:
        return read_regular(str(Path(directory, name))).strip()
    except (OSError, ValueError):
        return None


def read_setup(options: ServeOptions, env: Mapping[str, str]) -> Setup:
    """Read the configuration and say where the state lies.

    Raises: ConfigError listing every problem; GatewayError for files that cannot be read.
    """
    file = _config_file(options, env)
    text = read_settings(file) if file else ""
    config = apply_environment(
        load_config(text, file=str(file)) if file else Config(),
        env,
        lambda name: read_credential(env, name),
        read_regular,
    )
    config = replace(config, gateway=_overridden(config.gateway, options))
    _check_machine(config, str(file) if file else "the command line")
    has_file_servers = options.mcp_servers is not None
    if options.mcp_servers is not None:
        config = _with_file_servers(config, options.mcp_servers, options, tools_said=_keys_of(text, "tools"))
    return Setup(
        config=config,
        config_file=file,
        state=StateDirectory(state_directory(options.state_dir, env, configured=config.gateway.state_dir)),
        env=env,
        origin=Origin.FILE if has_file_servers else Origin.CONFIG,
        seeds_starter=file is None and not has_file_servers,
        serves_file=has_file_servers,
        servers_file=options.mcp_servers,
    )


def _config_file(options: ServeOptions, env: Mapping[str, str]) -> Path | None:
    if options.config_file is not None:
        return options.config_file.absolute()
    # systemd names the directory of ConfigurationDirectory=; everybody else keeps the file beside the state.
    folders = [Path(given) for given in [env.get("CONFIGURATION_DIRECTORY", "")] if given]
    folders.append(state_directory(options.state_dir, env))
    return next((folder / "config.toml" for folder in folders if (folder / "config.toml").exists()), None)


def _check_machine(config: Config, file: str) -> None:
    """What only shows once options are in and the machine is looked at."""
    problems = bind_problems(config.gateway, config.auth)
    if not 0 <= config.gateway.port <= MAX_PORT:
        problems.append(Problem("--port", f"must be from 0 (any free one) to {MAX_PORT}, not {config.gateway.port}"))
    if (cuda := cuda_problem(config.learning.device, os.path.exists)) is not None:
        problems.append(cuda)
    if problems:
        raise ConfigError(problems, file=file)


def _overridden(section: GatewaySection, options: ServeOptions) -> GatewaySection:
    given = {
        "host": options.host,
        "port": options.port,
        "log": options.log_format,
        "log_level": options.log_level,
    }
    return replace(section, **{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]


def _keys_of(text: str, table: str) -> frozenset[str]:
    """Which keys of a table a (valid) configuration spells out."""
    return frozenset(tomllib.loads(text.removeprefix("\ufeff")).get(table, {}))


def _with_file_servers(config: Config, file: Path, options: ServeOptions, *, tools_said: Collection[str]) -> Config:
    servers = read_mcp_servers(read_settings(file), file=str(file))
    if options.prefix_servers is False:
        servers = tuple(replace(server, prefix="") for server in servers)
    tools = replace(
        config.tools,
        mode=config.tools.mode if "mode" in tools_said else "all",
        builtins=config.tools.builtins if "builtins" in tools_said else False,
    )
    return replace(config, server=servers, discover=(), tools=tools)


def process_environment() -> Mapping[str, str]:
    """A copy of this process's environment."""
    return dict(os.environ)
