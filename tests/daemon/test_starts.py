"""Counting how servers start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from gateway.daemon.starts import NotedTryOut, StartNotes
from gateway.errors import HandshakeFailed
from gateway.facts import StateChanged
from gateway.model import Origin, ServerName, ServerSpec, StdioLaunch
from gateway.store.database import Database
from gateway.store.definitions import Pinned
from gateway.store.listings.values import Track
from gateway.store.tracks import Tracks
from tests.fakes import FakeClock

ECHO = ServerSpec(ServerName("echo"), "smithery:acme/echo", Origin.CLI, StdioLaunch(("x",)))


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """A store of its own."""
    database = await Database.open(f"sqlite:///{tmp_path}/store.db")
    yield database
    await database.close()


@pytest.fixture
def tracks(db: Database, clock: FakeClock) -> Tracks:
    """What is written there."""
    return Tracks(db, clock)


async def offers(spec: ServerSpec, secrets: Mapping[str, str]) -> Mapping[str, Pinned]:
    """A first handshake that works."""
    return {"say": ("hash", f"{spec.name} {len(secrets)}")}


async def fails(spec: ServerSpec, secrets: Mapping[str, str]) -> Mapping[str, Pinned]:
    """A first handshake that does not."""
    raise HandshakeFailed(spec.name, f"it ended with status 1 and {len(secrets)} secrets")


def moved(state: str, health: str = "healthy") -> StateChanged:
    """A child's new state."""
    return StateChanged(at=0.0, server=ServerName("echo"), state=state, health=health, reason="")


async def wanted() -> list[ServerSpec]:
    """One server."""
    return [ECHO]


async def test_first_handshakes_are_noted_and_told_on(tracks: Tracks) -> None:
    assert await NotedTryOut(offers, tracks)(ECHO, {"KEY": "x"}) == {"say": ("hash", "echo 1")}
    with pytest.raises(HandshakeFailed):
        await NotedTryOut(fails, tracks)(ECHO, {})
    assert await tracks.tracks() == {"smithery:acme/echo": Track(1, 1)}


async def test_a_child_that_comes_and_goes_is_counted_once_each_time(tracks: Tracks) -> None:
    notes = StartNotes(tracks, wanted)
    for fact in (
        moved("starting"),
        moved("ready"),
        moved("ready", "degraded"),
        moved("backoff"),
        moved("starting"),
        moved("failed"),
        moved("stopped"),
    ):
        notes(fact)
    await notes.write()
    await notes.write()
    assert await tracks.tracks() == {"smithery:acme/echo": Track(1, 2)}


async def test_a_server_that_is_no_longer_wanted_leaves_no_note(tracks: Tracks) -> None:
    async def nobody() -> list[ServerSpec]:
        return []

    notes = StartNotes(tracks, nobody)
    notes(moved("ready"))
    await notes.write()
    assert await tracks.tracks() == {}


async def test_a_store_that_cannot_be_written_fails_nobody(db: Database, tracks: Tracks) -> None:
    await db.close()
    assert await NotedTryOut(offers, tracks)(ECHO, {}) == {"say": ("hash", "echo 0")}
