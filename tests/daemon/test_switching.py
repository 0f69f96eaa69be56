"""A server that just took over is watched for a while."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from gateway.daemon.changes import Changes
from gateway.daemon.switching import watch
from gateway.facts import StateChanged
from gateway.model import ServerName

ECHO = ServerName("echo")


class FakeRows:
    """One server whose state is set by hand; `told` says that it changed."""

    def __init__(self, changes: Changes) -> None:
        self.row: dict[str, Any] = {"name": "echo", "state": "ready", "health": "healthy", "reason": ""}
        self._changes = changes

    def status(self) -> list[dict[str, Any]]:
        """Its row."""
        return [self.row]

    def becomes(self, state: str, health: str = "healthy", reason: str = "") -> None:
        """Change, and tell."""
        self.row = {"name": "echo", "state": state, "health": health, "reason": reason}
        self._changes(StateChanged(0.0, ECHO, state, health, reason))


async def watched(state: str, health: str = "healthy", reason: str = "") -> str:
    """What is said of a server that is ready, and then becomes this."""
    changes = Changes()
    rows = FakeRows(changes)
    said: list[str] = []

    async def look() -> None:
        said.append(await watch(rows, changes, ECHO, 30.0 if state == "backoff" or health == "unhealthy" else 0.2))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look)
            await anyio.wait_all_tasks_blocked()
            rows.becomes(state, health, reason)
    return said[0]


async def test_one_that_ends_is_in_trouble_with_its_reason() -> None:
    assert await watched("backoff", reason="exit status 3") == "it was ready, then backoff: exit status 3"


async def test_one_that_does_not_answer_any_more_is_in_trouble() -> None:
    assert "ready" in await watched("ready", "unhealthy", "no answer to a ping")


@pytest.mark.parametrize("state", ["ready", "stopped", "stopping"])
async def test_one_that_stays_or_is_stopped_is_not(state: str) -> None:
    assert await watched(state) == ""


async def test_one_that_is_not_there_any_more_is_nobodys_trouble() -> None:
    changes = Changes()
    assert await watch(FakeRows(changes), changes, ServerName("other"), 0.2) == ""
