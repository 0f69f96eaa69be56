"""A child as a row of the status."""

from __future__ import annotations

import json

import anyio

from gateway.model import ServerSpec
from gateway.supervisor.processes.figures import Figures
from gateway.supervisor.rows import Warm, status_row
from tests.supervisor.running import remote_spec, spec
from tests.supervisor.scripted import ScriptedConnection
from tests.supervisor.test_child import SLOW, World, living

PROMISED = {
    "name", "from", "transport", "state", "health", "reason", "next_retry_s", "pid", "uptime_s", "restarts",
    "last_exit", "rss_bytes", "cpu_percent", "open_fds", "protocol", "required",
}  # fmt: skip


def row(world: World) -> dict[str, object]:
    made = status_row(world.child, Figures(1, 2.0, 3), instances=0)
    json.dumps(made)
    return made


async def test_a_row_has_every_promised_field_from_the_beginning() -> None:
    made = row(World(ScriptedConnection()))
    assert set(made) >= PROMISED
    assert (made["state"], made["pid"], made["last_exit"], made["restarts"]) == ("stopped", None, None, 0)


async def test_a_ready_child_shows_what_it_speaks() -> None:
    async with living(ScriptedConnection()) as world:
        await world.child.upstream()
        made = row(world)
        assert (made["protocol"], made["callable"], made["transport"]) == ("2025-11-25", True, "stdio")


async def test_the_last_exit_is_spelled_out() -> None:
    first = ScriptedConnection()
    async with living(first, ScriptedConnection()) as world:
        await world.heard.state("s", "ready")
        first.die()
        await world.heard.state("s", "ready", times=2)
        exit_ = row(world)["last_exit"]
        assert isinstance(exit_, dict)
        assert (exit_["code"], exit_["signal"], exit_["reason"]) == (None, "SIGKILL", "killed by SIGKILL")
        assert exit_["at"].endswith("Z")
        assert exit_["cause"] == "signal"
        assert isinstance(exit_["uptime_s"], float)
        assert row(world)["exits"] == [exit_]
        assert row(world)["restart_causes"] == {"signal": 1}


async def test_a_child_that_is_down_against_our_will_is_not_called_healthy() -> None:
    first = ScriptedConnection()
    async with living(first, wanted=spec("s", restart=SLOW)) as world:
        await world.heard.state("s", "ready")
        assert row(world)["health"] == "healthy"
        first.die()
        await world.heard.state("s", "backoff")
        assert row(world)["health"] == "unhealthy"


async def test_a_remote_server_is_http() -> None:
    wanted: ServerSpec = remote_spec("r", 9)
    assert row(World(ScriptedConnection(), wanted=wanted))["transport"] == "http"
    await anyio.lowlevel.checkpoint()
    assert spec("s").launch != wanted.launch


async def test_a_resting_child_is_healthy_callable_and_advertised_and_waking_is_no_restart() -> None:
    first = ScriptedConnection()
    async with living(first, ScriptedConnection()) as world:
        await world.heard.state("s", "ready")
        world.child.stop("at rest")
        await world.heard.state("s", "stopped")
        made = status_row(world.child, Figures(None, None, None), instances=0, warm=Warm(True, 0, 2, 3, 1))
        assert (made["state"], made["health"], made["resting"]) == ("stopped", "healthy", True)
        assert (made["callable"], made["advertised"]) == (True, True)
        assert (made["spares"], made["prestarts"], made["wasted_starts"]) == (2, 3, 1)
        world.child.start()
        await world.heard.state("s", "ready", times=2)
        woken = status_row(world.child, Figures(None, None, None), instances=0, warm=Warm(woken=1))
        assert (woken["restarts"], woken["resting"]) == (0, False)
