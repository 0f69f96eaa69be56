"""What of the gateway's own no server may reach: the state directory, the configuration, credentials; as a confiner."""

from __future__ import annotations

from pathlib import Path

from gateway.clock import Clock
from gateway.daemon.setup import Setup
from gateway.errors import StoreError
from gateway.install import runner
from gateway.install.containers.commands import runs_container
from gateway.store.urls import sqlite_path
from gateway.supervisor.limits.delegation import groups_for
from gateway.supervisor.limits.limits import Limits
from gateway.supervisor.sandbox.confiner import Confiner
from gateway.supervisor.sandbox.places import Layout

FOLDERS = ("CREDENTIALS_DIRECTORY", "CONFIGURATION_DIRECTORY")
"""Variables of systemd's that name folders of ours."""


def layout_of(setup: Setup) -> Layout:
    """Where our own things lie. A configuration file may hold secrets, and so may a file of `mcpServers`."""
    key = setup.config.smithery.api_key_file
    files = [setup.config_file, setup.servers_file, Path(key) if key else None, *_store_files(setup)]
    secret = [file.absolute() for file in files if file is not None]
    secret += [Path(setup.env[name]) for name in FOLDERS if setup.env.get(name)]
    return Layout(setup.state.root.absolute(), tuple(secret), dict(setup.env))


def _store_files(setup: Setup) -> list[Path]:
    """The store's files, where it does not lie in the state directory."""
    url = setup.config.store.url
    if not url:
        return []
    try:
        path = sqlite_path(url)
    except StoreError:
        return []  # there is no such store, and opening it says so
    return [path.with_name(path.name + ending) for ending in ("", "-wal", "-shm")]


def limits_of(setup: Setup, clock: Clock) -> Limits:
    """Make what limits servers. Raises: GatewayError, when control groups are asked for and cannot be had."""
    groups = groups_for(setup.config.gateway.limits, setup.env, tag=setup.state.identity, clock=clock)
    return Limits(clock, groups, others=runner.RUNNING)


def confiner_of(setup: Setup) -> Confiner:
    """Make what confines servers; it looks at this machine once, when it is first needed."""
    return Confiner(layout_of(setup), is_container=runs_container)
