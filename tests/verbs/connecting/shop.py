"""A shop whose Smithery is the stand-in, with three of its listings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway.config import Config
from gateway.listing import BundleConnection, Listing, RemoteConnection
from gateway.model import Source
from tests.discovery.connect.support import API, SECTION
from tests.standins import smithery
from tests.standins.faults import Controlled
from tests.standins.listings import KEYED_SCHEMA, UNITS_SCHEMA
from tests.verbs.fakes import Shop, open_shop

WEATHER, VAULT, BUNDLE = "acme/weather-http", "acme/vault-http", "acme/echo-bundle"
LOGIN = {"state": "auth_required", "setupUrl": "https://smithery.example/in"}
MARK = "0a1b2c3d"


def remote(name: str, schema: dict[str, Any]) -> Listing:
    """A server of Smithery that runs elsewhere."""
    connection = RemoteConnection(f"{API}/deployed/{name}", config_schema=schema)
    return Listing(source=Source.SMITHERY, name=name, description="d", remote=True, connections=(connection,))


LISTINGS = [
    remote(WEATHER, UNITS_SCHEMA),
    remote(VAULT, KEYED_SCHEMA),
    Listing(source=Source.SMITHERY, name=BUNDLE, remote=False, connections=(BundleConnection("https://b.example/x"),)),
]


@dataclass
class Stand:
    """A shop and the stand-in behind it."""

    shop: Shop
    app: Controlled

    def asked(self) -> list[tuple[str, str]]:
        """(method, path) of what was asked of the stand-in."""
        return [(row["method"], row["path"]) for row in self.app.log]

    def changes(self) -> list[tuple[str, str]]:
        """What was not only read."""
        return [one for one in self.asked() if one[0] != "GET"]


@asynccontextmanager
async def open_stand(folder: Path, **section: Any) -> AsyncIterator[Stand]:
    """Open it; `section` changes `[smithery]`."""
    app = smithery.build()
    config = Config(smithery=replace(SECTION, **section))
    async with open_shop(folder, {"smithery": LISTINGS}, config, app) as shop:
        yield Stand(shop, app)
