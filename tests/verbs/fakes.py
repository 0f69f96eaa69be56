"""A shop that installs for real below a temporary folder, but starts nothing and reaches nobody."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.config import Config
from gateway.daemon.specs import wanted
from gateway.daemon.state import StateDirectory
from gateway.daemon.tokens import TokenStore
from gateway.discovery.connect.badge import Badge
from gateway.discovery.finder import Finder
from gateway.discovery.ports import Found, Wanted
from gateway.discovery.sources import FixedSource
from gateway.errors import HandshakeFailed, InstallError, RegistryUnavailable
from gateway.install.content import Reached, nothing_reached
from gateway.install.installer import Installer
from gateway.install.planning.machine import Machine, Program
from gateway.listing import BundleConnection, InputSpec, Listing, RemoteConnection
from gateway.model import Origin, ServerName, ServerSpec, Source
from gateway.net.tags import Tag
from gateway.store.catalogue import Catalogue
from gateway.store.database import Database
from gateway.store.definitions import ITSELF, Definitions, Pinned
from gateway.store.installed import Installed
from gateway.store.ledger import Ledger
from gateway.store.requests import Requests
from gateway.store.tracks import Tracks
from gateway.store.urls import sqlite_url
from gateway.verbs.parts import Parts
from tests.discovery.connect.support import connect_of
from tests.fakes import FakeClock
from tests.install.values import MACHINE
from tests.install.zips import PYTHON_SERVER, manifest, write_bundle
from tests.standins.faults import Controlled

URL = "http://127.0.0.1:8808/mcp"
OPTIONS = {"apiKey": {"type": "string", "title": "API key", "sensitive": True, "required": True}}


def this_machine() -> Machine:
    """A machine whose Python is there for certain; the rest is claimed."""
    return replace(MACHINE, python=Program(sys.executable, (3, 12, 1)))


class FakeTryOut:
    """Shakes hands with nobody: says `offers`, or fails for the names in `broken`. Remembers specs and secrets."""

    def __init__(self) -> None:
        self.tried: list[ServerSpec] = []
        self.secrets: list[dict[str, str]] = []
        self.broken: set[str] = set()
        self.error: Exception | None = None
        self.offers: dict[str, Pinned] = {ITSELF: offered("Echo"), **{f"tool{n}": offered(n) for n in range(3)}}

    async def __call__(self, spec: ServerSpec, secrets: Mapping[str, str]) -> Mapping[str, Pinned]:
        self.tried.append(spec)
        self.secrets.append(dict(secrets))
        if self.error is not None:
            raise self.error
        if spec.name in self.broken:
            raise HandshakeFailed(spec.name, "it ended with status 1")
        return dict(self.offers)


def offered(words: object) -> Pinned:
    """A definition with these words in it, as it would be pinned."""
    canonical = json.dumps({"description": str(words)})
    return hashlib.sha256(canonical.encode()).hexdigest(), canonical


class ShelfFetch:
    """Downloads from a shelf: address to bytes."""

    def __init__(self) -> None:
        self.shelf: dict[str, bytes] = {}
        self.fetched: list[str] = []

    async def fetch(
        self,
        url: str,
        *,
        to: Path,
        max_bytes: int,
        sha256: str | None = None,
        authorize: bool = False,
        progress: Callable[[int, int | None], None] | None = None,
        tagged: Callable[[Tag], None] | None = None,
    ) -> str:
        """Write the shelf's bytes to `to`."""
        self.fetched.append(url)
        if url not in self.shelf:
            raise InstallError(f"{url} could not be fetched", step="fetch", fix="Check the network.")
        to.write_bytes(self.shelf[url])
        return hashlib.sha256(self.shelf[url]).hexdigest()

    async def unchanged(self, url: str, tag: Tag, *, authorize: bool = False) -> bool:
        """Nobody knows."""
        return False


class DownSource:
    """A registry that does not answer."""

    name = "smithery"
    search_says_more = False

    async def search(self, wanted: Wanted) -> Found:
        """Fail."""
        raise RegistryUnavailable("Smithery does not answer", fix="Wait.")

    async def get(self, name: str) -> Found:
        """Fail."""
        raise RegistryUnavailable("Smithery does not answer", fix="Wait.")


@dataclass
class Shop:
    """Parts on a temporary state directory, and what was told to whom."""

    root: Path
    parts: Parts
    try_out: FakeTryOut
    fetch: ShelfFetch
    clock: FakeClock
    config: Config = field(default_factory=Config)
    changed: int = 0
    refreshed: list[ServerName] = field(default_factory=list)
    retried: list[ServerName] = field(default_factory=list)
    waited_for: list[ServerName] = field(default_factory=list)
    decided: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)
    ready: set[ServerName] = field(default_factory=set)  # servers that serve
    refuses: list[str] = field(default_factory=list)  # why the next switches go wrong
    switched: list[tuple[ServerName, str | None]] = field(default_factory=list)  # name, version that counts then

    @asynccontextmanager
    async def switching(self, server: ServerName) -> AsyncIterator[Callable[[], Awaitable[str]]]:
        """Plays the running children's part of an upgrade."""

        async def switch() -> str:
            row = await self.parts.installed.get(server)
            self.switched.append((server, row.version if row else None))
            return self.refuses.pop(0) if self.refuses else ""

        yield switch

    async def note_change(self) -> None:
        """What is installed changed."""
        self.changed += 1

    async def note_refresh(self, server: ServerName) -> None:
        """A server's pins changed."""
        self.refreshed.append(server)

    async def note_retry(self, server: ServerName) -> None:
        """What a server may have waited for is there."""
        self.retried.append(server)

    async def note_started(self, server: ServerName) -> None:
        """Somebody waited for a new server."""
        self.waited_for.append(server)

    def note_decided(self) -> None:
        """Somebody said yes or no to an agent's request."""
        self.decided += 1

    async def wanted(self) -> list[ServerSpec]:
        """As the daemon joins them."""
        specs = [server.spec for server in await self.parts.installed.all()]
        return wanted(self.config, specs, Origin.CONFIG, {"PATH": "/usr/bin:/bin"})

    async def machine(self) -> Machine:
        """Nothing is probed."""
        return this_machine()

    def files(self) -> dict[str, bytes]:
        """Every file below the state directory but the store's own, by name."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not path.name.startswith("gateway.db")
        }


@asynccontextmanager
async def open_shop(
    folder: Path,
    sources: Mapping[str, Sequence[Listing]] | None = None,
    config: Config | None = None,
    smithery: Controlled | None = None,
    reached: Reached = nothing_reached,
) -> AsyncIterator[Shop]:
    """Open a shop whose registries are these listings; `smithery` is what answers as Connect.

    `reached` is told each step that a kill could follow.
    """
    state = StateDirectory(folder / "state")
    state.prepare()
    clock, fetch, try_out = FakeClock(), ShelfFetch(), FakeTryOut()
    db = await Database.open(sqlite_url(state.store_path), clock=clock)
    shops: list[Shop] = []
    connect = connect_of(smithery, clock, section=(config or Config()).smithery)
    catalogue = Catalogue(db)
    installer = Installer(state.root, fetch, clock, environ={}, machine=this_machine(), reached=reached)
    try:
        parts = Parts(
            config=lambda: shops[0].config,
            config_file=folder / "config.toml",
            url=URL,
            clock=clock,
            db=db,
            tracks=Tracks(db, clock),
            finder=Finder([FixedSource(name, found) for name, found in (sources or {}).items()], catalogue, clock),
            connect=connect,
            badge=Badge(connect, clock),
            mark="0a1b2c3d",
            installer=installer,
            installed=Installed(db),
            requests=Requests(db),
            definitions=Definitions(db),
            secrets=installer.secrets,
            ledger=Ledger(db, clock),
            tokens=TokenStore(state, {}, lambda _: None),
            machine=lambda: shops[0].machine(),  # noqa: PLW0108 - the shop is built from its parts
            wanted=lambda: shops[0].wanted(),  # noqa: PLW0108
            try_out=try_out,
            changed=lambda: shops[0].note_change(),  # noqa: PLW0108
            refresh=lambda name: shops[0].note_refresh(name),  # noqa: PLW0108
            retry=lambda name: shops[0].note_retry(name),  # noqa: PLW0108
            started=lambda name: shops[0].note_started(name),  # noqa: PLW0108
            decided=lambda: shops[0].note_decided(),  # noqa: PLW0108
            switching=lambda name: shops[0].switching(name),  # noqa: PLW0108
            is_ready=lambda name: name in shops[0].ready,
        )
        shops.append(Shop(state.root, parts, try_out, fetch, clock, config or Config()))
        yield shops[0]
    finally:
        await db.close()


def bundle(folder: Path, version: str = "1.0.0", *, wants_key: bool = False) -> Path:
    """A Python bundle file of this version; with `wants_key` it wants a secret `apiKey`."""
    more: dict[str, Any] = {"version": version}
    if wants_key:
        more |= {"user_config": OPTIONS, "mcp_config": {"env": {"API_KEY": "${user_config.apiKey}"}}}
    found = manifest("python", "server/main.py", **more)
    return write_bundle(folder / "echo.mcpb", found, {"server/main.py": PYTHON_SERVER + f"# {version}\n"})


def bundle_listing(name: str = "acme/echo", *, schema: dict[str, Any] | None = None, **more: Any) -> Listing:
    """A Smithery listing of a bundle at `bundle_url(name)`."""
    connection = BundleConnection(bundle_url(name), "python", config_schema=schema or {})
    members = {"description": f"{name} says things back", "verified": True, **more}
    return Listing(source=Source.SMITHERY, name=name, connections=(connection,), **members)


def bundle_url(name: str) -> str:
    """Where the bundle of a listing lies."""
    return f"https://bundles.example/{name}.mcpb"


def remote_listing(name: str, *, source: Source = Source.SMITHERY, wants: str = "", **more: Any) -> Listing:
    """A listing of a server that runs elsewhere; `wants` names a secret header that it needs."""
    headers = (InputSpec(name=wants, required=True, secret=True),) if wants else ()
    connection = RemoteConnection(f"https://{name.replace('/', '.')}.example/mcp", headers=headers)
    members = {"description": f"{name} runs elsewhere", "verified": True, **more}
    return Listing(source=source, name=name, connections=(connection,), **members)


def spelled(value: object) -> str:
    """A result as it would travel, to look for what must not be in it."""
    return json.dumps(value)


def in_use(shop: Shop, name: str = "echo") -> str | None:
    """The content that a server's link shows."""
    link = shop.root / "servers" / name
    return link.resolve().name if link.exists() else None


def put_on_shelf(shop: Shop, folder: Path, version: str, name: str = "acme/echo", *, wants_key: bool = False) -> None:
    """Let the registry offer this release of a bundle."""
    shop.fetch.shelf[bundle_url(name)] = bundle(folder, version, wants_key=wants_key).read_bytes()
