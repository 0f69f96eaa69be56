"""Builds the parts that exist with or without a running daemon: store, catalogue, registries, installer."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import anyio
import httpx

from gateway import __version__
from gateway.clock import Clock
from gateway.config import Config
from gateway.daemon.confinement import confiner_of
from gateway.daemon.setup import Setup
from gateway.daemon.specs import wanted
from gateway.daemon.starts import NotedTryOut
from gateway.daemon.state import short_hash
from gateway.daemon.tokens import TokenStore
from gateway.daemon.tryout import Handshake
from gateway.discovery.asking.drift import nobody
from gateway.discovery.connect.access import connect_access
from gateway.discovery.connect.api import Connect
from gateway.discovery.connect.badge import Badge
from gateway.discovery.connect.client import ConnectClient
from gateway.discovery.finder import Finder
from gateway.discovery.ports import ListingSource
from gateway.discovery.sources import FixedSource, build_sources, registry_sync
from gateway.facts import Publish
from gateway.install.installer import Installer
from gateway.install.planning.starter import STARTER
from gateway.model import ServerName, ServerSpec, Source
from gateway.net.fetch import Fetcher
from gateway.net.guard import GuardedTransport, guarded_client
from gateway.net.lasting import lasting_transport
from gateway.store.catalogue import Catalogue
from gateway.store.database import Database
from gateway.store.definitions import Definitions
from gateway.store.installed import Installed
from gateway.store.ledger import Ledger
from gateway.store.requests import Requests
from gateway.store.tracks import Tracks
from gateway.store.urls import sqlite_url
from gateway.verbs.committing import recover
from gateway.verbs.parts import Json, Parts, Switch, never, no_switching, no_vacancies
from gateway.verbs.planning import trusted_origins

BASE_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME", "SHELL", "TERM")


@dataclass(frozen=True, slots=True)
class Effects:
    """What must happen when what is installed, pinned or kept secret changes."""

    changed: Callable[[], Awaitable[None]]
    refresh: Callable[[ServerName], Awaitable[None]]
    retry: Callable[[ServerName], Awaitable[None]]
    started: Callable[[ServerName], Awaitable[None]]
    decided: Callable[[], None]
    switching: Callable[[ServerName], AbstractAsyncContextManager[Switch]] = no_switching
    is_ready: Callable[[ServerName], bool] = never
    vacancies: Callable[[], list[Json]] = no_vacancies
    pending: Callable[[], list[Json]] = no_vacancies
    publish: Publish = nobody  # facts of the registries


async def nothing() -> None:
    """No daemon runs: nothing to tell."""


async def nothing_for(_: ServerName) -> None:
    """No daemon runs: nothing to tell."""


def nothing_now() -> None:
    """No daemon runs: nothing to tell."""


OFFLINE = Effects(nothing, nothing_for, nothing_for, nothing_for, nothing_now)


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
    db = await Database.open(store_url(setup), clock=clock)
    try:
        async with (
            _client(current) as downloads,
            httpx.AsyncClient(trust_env=False, follow_redirects=False) as registries,
        ):
            made_of = _Materials(setup, current, clock, rng, db, downloads, registries)
            parts = _assemble(made_of, url, effects)
            await recover(parts)
            yield parts
    finally:
        await db.close()


@dataclass(frozen=True, slots=True)
class _Materials:
    """What the parts are made of: all that is open."""

    setup: Setup
    current: Current
    clock: Clock
    rng: random.Random
    db: Database
    downloads: httpx.AsyncClient
    registries: httpx.AsyncClient


def _assemble(made_of: _Materials, url: str, effects: Effects) -> Parts:
    setup, current, clock, db = made_of.setup, made_of.current, made_of.clock, made_of.db
    installer, installed = _installer(made_of), Installed(db)
    badge = Badge(_connect(current(), made_of.registries, clock, made_of.rng), clock)
    catalogue, tracks = Catalogue(db), Tracks(db, clock)
    sources = _sources(current(), made_of.registries, catalogue, clock, made_of.rng, effects.publish)
    return Parts(
        config=current,
        config_file=setup.config_file,
        url=url,
        clock=clock,
        db=db,
        finder=Finder(sources, catalogue, clock, experience=tracks),
        sync=registry_sync(sources, catalogue, clock),
        tracks=tracks,
        connect=badge.connect,
        badge=badge,
        mark=short_hash(setup.state.key("connect").hex()),
        installer=installer,
        installed=installed,
        requests=Requests(db),
        definitions=Definitions(db, clock),
        secrets=installer.secrets,
        ledger=Ledger(db, clock),
        tokens=TokenStore(setup.state, setup.env, setup.credential),
        machine=installer.machine,
        wanted=lambda: wanted_specs(setup, current(), installed),
        try_out=NotedTryOut(_handshake(made_of, installer, badge), tracks),
        changed=effects.changed,
        refresh=effects.refresh,
        retry=effects.retry,
        started=effects.started,
        decided=effects.decided,
        switching=effects.switching,
        is_ready=effects.is_ready,
        vacancies=effects.vacancies,
        pending=effects.pending,
    )


def _installer(made_of: _Materials) -> Installer:
    install, current = made_of.current().install, made_of.current
    return Installer(
        made_of.setup.state.root,
        Fetcher(made_of.downloads, origin_headers=lambda: _origin_headers(current())),
        made_of.clock,
        timeout_s=install.timeout_s,
        parallel=install.parallel,
        environ=made_of.setup.env,
        keep_secrets=install.secrets,
    )


def _connect(config: Config, http: httpx.AsyncClient, clock: Clock, rng: random.Random) -> Connect:
    return Connect(ConnectClient(http, connect_access(config.smithery), clock=clock, rng=rng))


def _handshake(made_of: _Materials, installer: Installer, badge: Badge) -> Handshake:
    current = made_of.current
    return Handshake(
        clock=made_of.clock,
        rng=made_of.rng,
        secrets=lambda name: badge.with_mark(installer.secrets.get(name)),
        version=__version__,
        remote_transport=lambda: badge.transport(remote_transport(current())),
        confine=confiner_of(made_of.setup),  # what was never started before least of all may reach everything
        home=made_of.setup.state.identity,
    )


async def wanted_specs(setup: Setup, config: Config, installed: Installed) -> list[ServerSpec]:
    """The file's and the installed servers; a plain `mcpServers` file is served alone."""
    specs = [] if setup.serves_file else [server.spec for server in await installed.all()]
    return wanted(config, specs, setup.origin, base_environment(setup.env))


def remote_transport(config: Config) -> httpx.AsyncBaseTransport:
    """A transport for remote servers: what the operator wrote down is trusted, what a registry said is checked."""
    own = [section.url for section in config.server if section.url]
    return GuardedTransport(trusted_origins=[*trusted_origins(config), *own], make_inner=lasting_transport)


async def fresh_secrets(parts: Parts, server: ServerName) -> Mapping[str, str]:
    """Read a server's secrets anew, because those it was given are refused.

    Raises: GatewayError when the keyring does not serve.
    """
    return parts.badge.with_mark(await anyio.to_thread.run_sync(parts.secrets.get, server))


def _client(current: Current) -> httpx.AsyncClient:
    return guarded_client(trusted_origins=trusted_origins(current()), follow_redirects=False)


def _origin_headers(config: Config) -> dict[str, dict[str, str]]:
    key = config.smithery.api_key
    headers = {**config.smithery.headers, **({"Authorization": f"Bearer {key}"} if key else {})}
    return {config.smithery.base_url: headers} if headers else {}


def _sources(
    config: Config,
    http: httpx.AsyncClient,
    catalogue: Catalogue,
    clock: Clock,
    rng: random.Random,
    publish: Publish = nobody,
) -> list[ListingSource]:
    starter = FixedSource(Source.STARTER.value, STARTER)
    registries = build_sources(
        config.smithery, config.registry, http=http, clock=clock, rng=rng, answers=catalogue, publish=publish
    )
    return [starter, *registries]
