"""A running daemon without processes: the ledger and the policy are real, children and endpoint are played."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio

from gateway.config import Config
from gateway.config.learning import LearningSection
from gateway.endpoint.endpoint import Endpoint
from gateway.endpoint.toolset import ServerTools, Toolset, build_toolset
from gateway.errors import NotFound, UnknownTool
from gateway.facts import CallFinished, Fact
from gateway.learning.link import LearnerLink
from gateway.learning.live import LivePolicy
from gateway.model import Caller, ServerName, Tool, ToolName, ToolRef
from gateway.store.ledger_sink import LedgerSink
from gateway.supervisor.supervisor import Supervisor
from gateway.verbs.parts import Running
from tests.verbs.fakes import Shop, open_shop


def tool(server: str, name: str, description: str = "") -> Tool:
    """A tool as its server lists it."""
    ref = ToolRef(ServerName(server), ToolName(name))
    definition = b'{"name":"%b","inputSchema":{"type":"object"}}' % name.encode()
    return Tool(ref, definition, description=description or name)


class FakeSupervisor:
    """Two children that do what they are told."""

    def __init__(self) -> None:
        self.states = {"clock": "ready", "git": "backoff"}

    def status(self) -> list[dict[str, Any]]:
        """Rows of the contract, as far as the verbs read them."""
        return [{"name": n, "state": s, "health": "healthy", "reason": f"is {s}"} for n, s in self.states.items()]

    def _turn(self, name: str, state: str) -> None:
        if name not in self.states:
            raise NotFound(f"there is no server {name!r}", fix="See: mcp-gateway status")
        self.states[name] = state

    async def start(self, name: ServerName) -> None:
        """Start."""
        self._turn(name, "starting")

    async def stop(self, name: ServerName) -> None:
        """Stop."""
        self._turn(name, "stopped")

    async def restart(self, name: ServerName) -> None:
        """Stop and start."""
        self._turn(name, "stopping")

    def logs(self, name: ServerName, lines: int) -> list[str]:
        """The newest lines."""
        return [f"{name} line {n}" for n in range(5)][-lines:]

    async def follow_logs(self, name: ServerName) -> AsyncIterator[str]:
        """Two new lines."""
        for n in range(2):
            yield f"{name} new {n}"


class FakeEndpoint:
    """Holds a real toolset; calls answer with what they were asked."""

    def __init__(self, toolset: Toolset) -> None:
        self.toolset = toolset
        self.called: list[tuple[str, Mapping[str, Any], Caller]] = []

    async def call_for_api(self, exposed: str, arguments: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Echo."""
        if exposed not in self.toolset.entries:
            raise UnknownTool(exposed)
        self.called.append((exposed, arguments, caller))
        return {"content": [{"type": "text", "text": str(dict(arguments))}]}


class FakeLearner:
    """Trains at once; notes how many facts waited for their commit when it was asked."""

    def __init__(self, sink: LedgerSink) -> None:
        self._sink = sink
        self.pending_when_asked: list[int] = []

    def status(self) -> dict[str, Any]:
        """Idle."""
        return {"state": "idle", "pid": None, "rss_bytes": None}

    async def train(self) -> dict[str, Any]:
        """Train."""
        self.pending_when_asked.append(self._sink.pending)
        return {"consumed": 1, "replay": 9, "metrics": {"loss": 0.5, "grad_norm": 0.1}}

    async def evaluate(self) -> dict[str, Any]:
        """Evaluate."""
        self.pending_when_asked.append(self._sink.pending)
        return {"estimates": [], "promote": False, "reason": "too few"}


@dataclass
class Site:
    """A running daemon's verbs side, and its played parts."""

    running: Running
    shop: Shop
    supervisor: FakeSupervisor
    endpoint: FakeEndpoint
    learner: FakeLearner
    published: list[Fact] = field(default_factory=list)

    def publish(self, fact: Fact) -> None:
        """As the bus: to the ledger and to the policy."""
        self.published.append(fact)
        self.running.ledger_sink(fact)
        self.running.policy(fact)

    def call(self, call_id: str = "c1", **changes: Any) -> CallFinished:
        """Let a call be recorded."""
        members: dict[str, Any] = {
            "at": self.shop.clock.wall(), "principal": "p1", "agent": "ann", "run": "r1", "round": 1, "session": "s",
            "profile": "", "server": "clock", "tool": "now", "exposed": "clock__now", "via": "direct",
            "decision_id": "d1", "outcome": "ok", "error_code": None, "latency_s": 0.1, "bytes_in": 1, "bytes_out": 2,
            "args_hmac": "00",
        }  # fmt: skip
        fact = CallFinished(call_id=call_id, **{**members, **changes})
        self.publish(fact)
        return fact


@asynccontextmanager
async def open_site(folder: Path, config: Config | None = None) -> AsyncIterator[Site]:
    """A daemon with two servers of three tools."""
    async with open_shop(folder, {"smithery": []}, config) as shop, anyio.create_task_group() as tasks:
        shown = {
            ServerName("clock"): ServerTools(tools=(tool("clock", "now", "Tell the time"), tool("clock", "zones"))),
            ServerName("git"): ServerTools(tools=(tool("git", "log", "Show the commits of a repository"),)),
        }
        toolset = build_toolset(shown)
        rng = random.Random(1)
        policy = LivePolicy(config=LearningSection(), directory=shop.root / "learning", clock=shop.clock, rng=rng)
        policy.set_tools(toolset.version, toolset.cards())
        sink = LedgerSink(shop.parts.ledger, shop.clock)
        supervisor, endpoint, learner = FakeSupervisor(), FakeEndpoint(toolset), FakeLearner(sink)
        sites: list[Site] = []

        async def reload() -> dict[str, Any]:
            return {"file": None, "changed": [], "added": [], "removed": [], "unchanged": 2}

        running = Running(
            parts=shop.parts,
            version="1.2.3",
            started_at=shop.clock.now() - 5,
            supervisor=cast("Supervisor", supervisor),
            endpoint=cast("Endpoint", endpoint),
            policy=policy,
            learner=cast("LearnerLink", learner),
            ledger_sink=sink,
            publish=lambda fact: sites[0].publish(fact),  # noqa: PLW0108 - the site is built from what publishes
            tool_counts=lambda name: (len(shown[name].tools), 1),
            not_ready=list,
            reload=reload,
        )
        sites.append(Site(running, shop, supervisor, endpoint, learner))
        await tasks.start(sink.run)
        yield sites[0]
        tasks.cancel_scope.cancel()
