"""Installed servers."""

from __future__ import annotations

import pytest

from gateway.errors import StoreError
from gateway.model import Origin, RemoteLaunch, ServerName, ServerSpec, SessionScope, StdioLaunch
from gateway.store.database import Database
from gateway.store.installed import Installed, InstalledServer

CLOCK = InstalledServer(
    spec=ServerSpec(
        name=ServerName("clock"), from_="pypi:clock==1.0", origin=Origin.STARTER,
        launch=StdioLaunch(("python", "-m", "clock"), {"KEY": "${secret:KEY}"}, "/x"), session=SessionScope.PER_AGENT,
    ),
    sha256="ab", installed_at=5.5, version="1.0", settings={"zone": "UTC", "deep": [1, {"a": None}]},
    secret_keys=("KEY",), from_ref="pypi:clock", files="clock-ab",
)  # fmt: skip
FAR = InstalledServer(
    ServerSpec(ServerName("far"), "url", Origin.CLI, RemoteLaunch("https://x")), None, 1.0, None, from_ref="x"
)


@pytest.fixture
def installed(db: Database) -> Installed:
    return Installed(db)


async def test_a_server_comes_back_whole(installed: Installed) -> None:
    await installed.put(CLOCK)
    await installed.put(FAR)
    assert await installed.get(ServerName("clock")) == CLOCK
    assert await installed.all() == [CLOCK, FAR]


async def test_putting_again_replaces(installed: Installed) -> None:
    await installed.put(CLOCK)
    newer = InstalledServer(CLOCK.spec, "cd", 6.0, "1.1", from_ref="pypi:clock")
    await installed.put(newer)
    assert await installed.all() == [newer]


async def test_removing_says_whether_it_was_there(installed: Installed) -> None:
    await installed.put(CLOCK)
    assert await installed.remove(ServerName("clock"))
    assert not await installed.remove(ServerName("clock"))
    assert await installed.get(ServerName("clock")) is None


async def test_an_unreadable_row_costs_only_its_server(installed: Installed, db: Database) -> None:
    await installed.put(CLOCK)
    await installed.put(FAR)
    await db.execute("UPDATE installed SET body = ? WHERE name = 'clock'", (b"{}",))
    assert await installed.all() == [FAR]
    with pytest.raises(StoreError) as caught:
        await installed.get(ServerName("clock"))
    assert "mcp-gateway remove clock" in caught.value.fix
