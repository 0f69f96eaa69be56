"""Runs a real supervisor with the little servers of tests/servers, and waits for what it tells."""

from __future__ import annotations

import json
import random
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx

from gateway.clock import SystemClock
from gateway.facts import ChildExited, Fact, StateChanged, ToolsListed
from gateway.model import (
    CallPolicy,
    HealthPolicy,
    Origin,
    RemoteLaunch,
    RestartPolicy,
    ServerName,
    ServerSpec,
    SessionScope,
    StdioLaunch,
)
from gateway.supervisor.limits.limits import Limits
from gateway.supervisor.ports import Refresh
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.talking.remote import no_others
from tests.supervisor.adopting import adopting

SERVERS = Path(__file__).parents[1] / "servers"
PATIENCE_S = 20.0
QUICK = RestartPolicy(restart_sec=0.01, restart_max_delay_sec=0.05)


class Heard:
    """Collects facts and waits for the one that is asked for."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self._more = anyio.Event()

    def __call__(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._more.set()

    async def until(self, question: Callable[[], bool]) -> None:
        """Wait until the answer is yes; asked at each new fact."""
        with anyio.fail_after(PATIENCE_S):
            while not question():
                self._more = anyio.Event()
                await self._more.wait()

    async def state(self, name: str, state: str, *, times: int = 1) -> StateChanged:
        """Wait until this server was told to be in this state so many times."""
        await self.until(lambda: len(self.states(name).get(state, [])) >= times)
        return self.states(name)[state][-1]

    def states(self, name: str) -> dict[str, list[StateChanged]]:
        """What was told of a server, by state."""
        told: dict[str, list[StateChanged]] = {}
        for fact in self.facts:
            if isinstance(fact, StateChanged) and fact.server == name:
                told.setdefault(fact.state, []).append(fact)
        return told

    def lists(self, name: str) -> list[ToolsListed]:
        """The tool lists of a server."""
        return [fact for fact in self.facts if isinstance(fact, ToolsListed) and fact.server == name]

    def exits(self, name: str) -> list[ChildExited]:
        """The exits of a server."""
        return [fact for fact in self.facts if isinstance(fact, ChildExited) and fact.server == name]


def spec(
    name: str,
    script: str = "echo.py",
    *arguments: str,
    env: Mapping[str, str] | None = None,
    restart: RestartPolicy = QUICK,
    health: HealthPolicy | None = None,
    call: CallPolicy | None = None,
    session: SessionScope = SessionScope.SHARED,
    description: str = "",
) -> ServerSpec:
    """A server of tests/servers."""
    return ServerSpec(
        name=ServerName(name),
        from_="command",
        origin=Origin.CONFIG,
        launch=StdioLaunch((sys.executable, str(SERVERS / script), *arguments), env=dict(env or {})),
        restart=restart,
        health=health or HealthPolicy(stop_timeout_sec=1.0),
        call=call or CallPolicy(),
        session=session,
        description=description,
    )


def remote_spec(name: str, port: int, *, headers: Mapping[str, str] | None = None, **more: Any) -> ServerSpec:
    """The remote server of tests/servers."""
    launch = RemoteLaunch(f"http://127.0.0.1:{port}/mcp", dict(headers or {}))
    more.setdefault("restart", RestartPolicy(restart_sec=0.05, restart_max_delay_sec=0.1, start_limit_burst=1000))
    return ServerSpec(name=ServerName(name), from_="url", origin=Origin.CONFIG, launch=launch, **more)


@asynccontextmanager
async def supervised(
    *specs: ServerSpec,
    secrets: Mapping[str, str] | None = None,
    remote_transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    refresh: Refresh = no_others,
    knows_tools: Callable[[ServerName], bool] = lambda _: False,
    start_parallel: int = 4,
    limits: Limits | None = None,
) -> AsyncIterator[tuple[Supervisor, Heard]]:
    """A running supervisor that wants these servers; at the end every child is stopped."""
    heard = Heard()
    supervisor = Supervisor(
        clock=SystemClock(),
        publish=heard,
        rng=random.Random(1),
        secrets=lambda _: secrets or {},
        version="0.0-test",
        remote_transport=remote_transport,
        refresh=refresh,
        knows_tools=knows_tools,
        start_parallel=start_parallel,
        limits=limits,
    )
    with adopting():
        async with anyio.create_task_group() as tasks:
            await tasks.start(supervisor.run)
            await supervisor.apply(list(specs))
            yield supervisor, heard
            tasks.cancel_scope.cancel()


async def call(
    supervisor: Supervisor,
    server: str,
    tool: str,
    *,
    instance: str = "",
    timeout_s: float | None = None,
    caller: str = "",
    **arguments: object,
) -> str:
    """Call a tool and return the first text of its result."""
    upstream = await supervisor.acquire(ServerName(server), instance, tool=tool, caller=caller)
    params = json.dumps({"name": tool, "arguments": arguments}).encode()
    result = json.loads(await upstream.request("tools/call", params, timeout_s=timeout_s))
    return str(result["content"][0]["text"])


def row(supervisor: Supervisor, name: str) -> dict[str, Any]:
    """One server's row of the status."""
    return next(row for row in supervisor.status() if row["name"] == name)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
