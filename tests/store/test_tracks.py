"""How servers did here."""

from __future__ import annotations

import pytest

from gateway.facts import CallFinished
from gateway.model import Origin, ServerName, ServerSpec, StdioLaunch
from gateway.store.database import Database
from gateway.store.installed import Installed, InstalledServer
from gateway.store.ledger import Ledger
from gateway.store.listings.values import Track
from gateway.store.tracks import KEPT_S, Tracks, plain_reference
from tests.fakes import FakeClock
from tests.store.examples import call


@pytest.fixture
def tracks(db: Database, clock: FakeClock) -> Tracks:
    return Tracks(db, clock)


async def test_starts_add_up_by_reference_whatever_the_version(tracks: Tracks) -> None:
    await tracks.note({"registry:a/b@1.0": (1, 0), "smithery:acme/echo": (0, 1)})
    await tracks.note({"registry:a/b@2.0": (2, 1)})
    assert await tracks.tracks() == {"registry:a/b": Track(3, 1), "smithery:acme/echo": Track(0, 1)}


async def test_calls_count_for_what_their_server_was_installed_from(db: Database, tracks: Tracks) -> None:
    spec = ServerSpec(ServerName("clock"), "smithery:acme/clock", Origin.CLI, StdioLaunch(("x",)))
    await Installed(db).put(InstalledServer(spec, None, 0.0, "1"))
    outcomes = ["ok", "ok", "tool_error", "timeout", "gone", "cancelled", "refused", "busy"]
    calls: list[CallFinished] = [call(f"c{n}", outcome=outcome) for n, outcome in enumerate(outcomes)]
    await Ledger(db).append([*calls, call("other", server="elsewhere")])
    assert await tracks.tracks() == {"smithery:acme/clock": Track(calls=5, errors=3)}


async def test_what_is_told_may_be_a_little_old_but_not_after_a_note(
    db: Database, tracks: Tracks, clock: FakeClock
) -> None:
    assert await tracks.tracks() == {}
    await Tracks(db, clock).note({"smithery:a/b": (1, 0)})
    assert await tracks.tracks() == {}
    clock.advance(KEPT_S)
    assert await tracks.tracks() == {"smithery:a/b": Track(1, 0)}
    await tracks.note({"smithery:a/b": (1, 0)})
    assert await tracks.tracks() == {"smithery:a/b": Track(2, 0)}


@pytest.mark.parametrize(
    ("reference", "plain"),
    [
        ("registry:a/b@1.0", "registry:a/b"),
        ("smithery:@a/b", "smithery:a/b"),
        ("npm:@a/b@1.0", "npm:@a/b@1.0"),
        ("command", "command"),
    ],
)
def test_a_reference_has_one_spelling(reference: str, plain: str) -> None:
    assert plain_reference(reference) == plain
