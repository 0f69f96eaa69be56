"""Builds the parts that exist with or without a running daemon: store, catalogue, registries, installer."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from gateway import __version__
from gateway.clock import Clock
from gateway.config import Config
from gateway.daemon.setup import Setup
from gateway.daemon.specs import wanted
from gateway.daemon.tokens import TokenStore
from gateway.daemon.tryout import Handshake
from gateway.discovery.finder import Finder
from gateway.discovery.ports import ListingSource
from gateway.discovery.sources import FixedSource, build_sources
from gateway.install.installer import Installer
from gateway.install.planning.starter import STARTER
from gateway.model import ServerName, ServerSpec, Source
from gateway.net.fetch import Fetcher
from gateway.net.guard import GuardedTransport, guarded_client
from gateway.store.catalogue import Catalogue
from gateway.store.database import Database
from gateway.store.definitions import Definitions
from gateway.store.installed import Installed
from gateway.store.ledger import Ledger
from gateway.store.urls import sqlite_url
from gateway.verbs.parts import Parts
from gateway.verbs.planning import trusted_origins

BASE_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME", "SHELL", "TERM")


@dataclass(frozen=True, slots=True)
class Effects:
    """What must happen when what is installed, pinned or kept secret changes."""

    changed: Callable[[], Awaitable[None]]
    refresh: Callable[[ServerName], Awaitable[None]]
    retry: Callable[[ServerName], Awaitable[None]]
    started: Callable[[ServerName], Awaitable[None]]


async def nothing() -> None:
    """No daemon runs: nothing to tell."""


async def nothing_for(_: ServerName) -> None:
    """No daemon runs: nothing to tell."""


OFFLINE = Effects(nothing, nothing_for, nothing_for, nothing_for)


class Current:
    """The configuration in force; a reload replaces it."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def __call__(self) -> Config:
        """Return it."""
        return self.config


def store_url(setup: Setup) -> str:
    """Where the store lies."""
    return setup.config.store.url or sqlite_url(setup.state.store_path.absolute())


def base_environment(env: Mapping[str, str]) -> dict[str, str]:
    """What a server with an own command gets of our environment: enough to find programs, no secrets."""
    return {name: env[name] for name in BASE_VARIABLES if name in env}


@asynccontextmanager
async def open_parts(
    setup: Setup, current: Current, *, clock: Clock, rng: random.Random, url: str, effects: Effects = OFFLINE
) -> AsyncIterator[Parts]:
    """Open the store and build everything that finding and installing need.

    Raises: StoreError.
    """
    config = current()
    db = await Database.open(store_url(setup), clock=clock)
    try:
        async with (
            _client(current) as downloads,
            httpx.AsyncClient(trust_env=False, follow_redirects=False) as registries,
        ):
            fetcher = Fetcher(downloads, origin_headers=lambda: _origin_headers(current()))
            installer = Installer(
                setup.state.root,
                fetcher,
                clock,
                timeout_s=config.install.timeout_s,
                parallel=config.install.parallel,
                environ=setup.env,
            )
            installed = Installed(db)
            catalogue = Catalogue(db)
            yield Parts(
                config=current,
                config_file=setup.config_file,
                url=url,
                clock=clock,
                db=db,
                finder=Finder(_sources(current(), registries, catalogue, clock, rng), catalogue, clock),
                installer=installer,
                installed=installed,
                definitions=Definitions(db),
                secrets=installer.secrets,
                ledger=Ledger(db, clock),
                tokens=TokenStore(setup.state, setup.env, setup.credential),
                machine=installer.machine,
                wanted=lambda: wanted_specs(setup, current(), installed),
                try_out=_handshake(current, installer, clock, rng),
                changed=effects.changed,
                refresh=effects.refresh,
                retry=effects.retry,
                started=effects.started,
            )
    finally:
        await db.close()


def _handshake(current: Current, installer: Installer, clock: Clock, rng: random.Random) -> Handshake:
    return Handshake(
        clock=clock,
        rng=rng,
        secrets=installer.secrets.get,
        version=__version__,
        remote_transport=lambda: remote_transport(current()),
    )


async def wanted_specs(setup: Setup, config: Config, installed: Installed) -> list[ServerSpec]:
    """The file's and the installed servers; a plain `mcpServers` file is served alone."""
    specs = [] if setup.serves_file else [server.spec for server in await installed.all()]
    return wanted(config, specs, setup.origin, base_environment(setup.env))


def remote_transport(config: Config) -> httpx.AsyncBaseTransport:
    """A transport for remote servers: what the operator wrote down is trusted, what a registry said is checked."""
    own = [section.url for section in config.server if section.url]
    return GuardedTransport(trusted_origins=[*trusted_origins(config), *own])


def _client(current: Current) -> httpx.AsyncClient:
    return guarded_client(trusted_origins=trusted_origins(current()), follow_redirects=False)


def _origin_headers(config: Config) -> dict[str, dict[str, str]]:
    key = config.smithery.api_key
    return {config.smithery.base_url: {"Authorization": f"Bearer {key}"}} if key else {}


def _sources(
    config: Config, http: httpx.AsyncClient, catalogue: Catalogue, clock: Clock, rng: random.Random
) -> list[ListingSource]:
    starter = FixedSource(Source.STARTER.value, STARTER)
    registries = build_sources(config.smithery, config.registry, http=http, clock=clock, rng=rng, answers=catalogue)
    return [starter, *registries]
