"""Pinned and waiting tool definitions."""

from __future__ import annotations

import pytest

from gateway.model import ServerName, Tool, ToolName, ToolRef
from gateway.store.database import Database
from gateway.store.definitions import ITSELF, Change, Definitions
from tests.fakes import FakeClock

CLOCK = ServerName("clock")
GIT = ServerName("git")


@pytest.fixture
def definitions(db: Database) -> Definitions:
    return Definitions(db)


async def test_pins_are_kept_per_server(definitions: Definitions) -> None:
    await definitions.pin(CLOCK, {"now": ("h1", "{}"), "later": ("h2", "{}")})
    await definitions.pin(GIT, {"now": ("h3", "{}")})
    assert await definitions.pins(CLOCK) == {"now": "h1", "later": "h2"}


async def test_a_held_definition_waits_beside_the_approved_one(definitions: Definitions) -> None:
    await definitions.pin(CLOCK, {"now": ("h1", "old")})
    await definitions.hold(CLOCK, {"now": ("h2", "new")})
    assert await definitions.pins(CLOCK) == {"now": "h1"}
    assert await definitions.pending(CLOCK) == {"now": ("old", "new")}


async def test_approving_makes_it_the_pin(definitions: Definitions) -> None:
    await definitions.pin(CLOCK, {"now": ("h1", "old"), "other": ("h9", "same")})
    await definitions.hold(CLOCK, {"now": ("h2", "new")})
    assert await definitions.approve(CLOCK) == 1
    assert await definitions.pins(CLOCK) == {"now": "h2", "other": "h9"}
    assert await definitions.pending(CLOCK) == {}
    assert await definitions.approve(CLOCK) == 0


async def test_rejecting_keeps_the_pin(definitions: Definitions) -> None:
    await definitions.pin(CLOCK, {"now": ("h1", "old")})
    await definitions.hold(CLOCK, {"now": ("h2", "new")})
    assert await definitions.reject(CLOCK) == 1
    assert await definitions.pins(CLOCK) == {"now": "h1"}
    assert await definitions.pending(CLOCK) == {}


async def test_a_change_that_was_taken_back_stops_waiting(definitions: Definitions) -> None:
    await definitions.pin(CLOCK, {"now": ("h1", "old"), "later": ("h1", "old")})
    await definitions.hold(CLOCK, {"now": ("h2", "new")})
    await definitions.hold(CLOCK, {"later": ("h3", "newer")})
    assert await definitions.pending(CLOCK) == {"later": ("old", "newer")}
    await definitions.hold(CLOCK, {})
    assert await definitions.pending(CLOCK) == {}


async def test_forgetting_a_server_leaves_the_others(definitions: Definitions) -> None:
    for server in (CLOCK, GIT):
        await definitions.pin(server, {"now": ("h1", "{}")})
        await definitions.remember_tools(server, [])
    await definitions.forget(CLOCK)
    assert await definitions.pins(CLOCK) == {}
    assert await definitions.pins(GIT) == {"now": "h1"}
    assert list(await definitions.known_tools()) == [GIT]


async def test_a_tool_list_comes_back_to_the_byte(definitions: Definitions) -> None:
    tool = Tool(
        ToolRef(CLOCK, ToolName("now")), b'{"name":"now",  "x":1e2}', title="Now", description="Tells",
        input_schema={"type": "object", "n": [1, 2.5, None]}, output_schema=None, read_only=True, idempotent=True,
        destructive=False,
    )  # fmt: skip
    await definitions.remember_tools(CLOCK, [tool])
    await definitions.remember_tools(GIT, [])
    assert await definitions.known_tools() == {CLOCK: (tool,), GIT: ()}


async def test_an_unreadable_tool_list_costs_only_its_server(definitions: Definitions, db: Database) -> None:
    await definitions.remember_tools(CLOCK, [])
    await definitions.remember_tools(GIT, [])
    await db.execute("UPDATE known_tools SET body = ? WHERE server = 'clock'", (b"\xc1",))
    assert await definitions.known_tools() == {GIT: ()}


async def test_a_rejected_change_waits_no_longer_but_is_remembered(definitions: Definitions) -> None:
    await definitions.pin(CLOCK, {"now": ("h1", "old")})
    await definitions.hold(CLOCK, {"now": ("h2", "new")})
    await definitions.reject(CLOCK)
    await definitions.hold(CLOCK, {"now": ("h2", "new")})
    assert await definitions.changes(CLOCK) == [Change("now", "old", "new", is_rejected=True)]
    assert await definitions.pending(CLOCK) == {}


async def test_a_rejection_survives_that_the_server_takes_the_change_back_and_tries_again(
    definitions: Definitions,
) -> None:
    await definitions.pin(CLOCK, {"now": ("h1", "old")})
    await definitions.hold(CLOCK, {"now": ("h2", "new")})
    await definitions.reject(CLOCK)
    await definitions.hold(CLOCK, {})
    assert await definitions.changes(CLOCK) == []
    await definitions.hold(CLOCK, {"now": ("h2", "new")})
    assert [change.is_rejected for change in await definitions.changes(CLOCK)] == [True]


async def test_another_change_after_a_rejected_one_is_asked_about(definitions: Definitions) -> None:
    await definitions.pin(CLOCK, {"now": ("h1", "old")})
    await definitions.hold(CLOCK, {"now": ("h2", "new")})
    await definitions.reject(CLOCK)
    await definitions.hold(CLOCK, {"now": ("h3", "newer")})
    assert await definitions.pending(CLOCK) == {"now": ("old", "newer")}


async def test_single_definitions_are_decided_and_a_rejection_is_taken_back_by_name(definitions: Definitions) -> None:
    await definitions.pin(CLOCK, {"now": ("h1", "old"), "later": ("h1", "old"), ITSELF: ("h1", "old")})
    await definitions.hold(CLOCK, {"now": ("h2", "new"), "later": ("h2", "new"), ITSELF: ("h2", "new")})
    assert await definitions.reject(CLOCK, ["now"]) == 1
    assert await definitions.approve(CLOCK, [ITSELF]) == 1
    assert await definitions.all_pins(CLOCK) == {"now": "h1", "later": "h1", ITSELF: "h2"}
    assert await definitions.approve(CLOCK) == 1  # the rejected one is not among those that wait
    assert await definitions.approve(CLOCK, ["now"]) == 1
    assert await definitions.all_pins(CLOCK) == {"now": "h2", "later": "h2", ITSELF: "h2"}


async def test_what_a_server_says_of_itself_is_no_tool(definitions: Definitions) -> None:
    await definitions.pin(CLOCK, {"now": ("h1", "{}"), ITSELF: ("h2", '{"title":"Clock"}')})
    assert await definitions.pins(CLOCK) == {"now": "h1"}
    assert [pin.tool for pin in await definitions.approved(CLOCK)] == [ITSELF, "now"]
    assert [pin.canonical for pin in await definitions.approved(CLOCK, ITSELF)] == ['{"title":"Clock"}']


async def test_a_pin_knows_when_it_was_approved(db: Database) -> None:
    clock = FakeClock(wall=1_800_000_000.0)
    definitions = Definitions(db, clock)
    await definitions.pin(CLOCK, {"now": ("h1", "{}")})
    await definitions.hold(CLOCK, {"now": ("h2", "{}")})
    before = (await definitions.approved(CLOCK))[0].at
    clock.advance(60)
    await definitions.approve(CLOCK)
    after = (await definitions.approved(CLOCK))[0].at
    assert (before, after) == ("2027-01-15T08:00:00.000Z", "2027-01-15T08:01:00.000Z")


async def test_a_definition_is_approved_by_its_hash_before_it_is_seen(definitions: Definitions) -> None:
    await definitions.pin(CLOCK, {"now": ("h1", "old")})
    await definitions.expect(CLOCK, {"now": "h9", "later": "h2"})
    assert await definitions.pins(CLOCK) == {"now": "h1", "later": "h2"}
    await definitions.hold(CLOCK, {"later": ("h3", "new")})
    assert await definitions.pending(CLOCK) == {"later": ("", "new")}
    assert [pin.canonical for pin in await definitions.approved(CLOCK)] == ["", "old"]
