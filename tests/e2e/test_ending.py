"""The daemon is told to end while agents wait for answers."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import anyio
import httpx
import psutil
import pytest

from tests.e2e.harness import SERVERS, TOKEN, Gateway, running_gateway, wait_until
from tests.e2e.wire import MODERN, message

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

CALLS = 100
KEPT = httpx.Limits(keepalive_expiry=None)  # the client would leave an idle connection after 5 s
CONFIG = """
[smithery]
enabled = false
[registry]
enabled = false
[gateway]
drain_s = 60
[[server]]
name = "slow"
command = {command}
required = true
[server.limits]
max_in_flight = 128
"""
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "ending", "version": "1"},
}


def config(script: str, *arguments: str) -> str:
    """A configuration with one little server."""
    return CONFIG.format(command=json.dumps([sys.executable, str(SERVERS / script), *arguments]))


class Agents:
    """Many calls at once, each on a connection of its own."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.results: list[dict[str, Any]] = []
        self.lost: list[str] = []
        self.refused: list[tuple[int, str]] = []

    async def call(self, number: int, tool: str, seconds: float) -> None:
        """Call the tool and keep its result, or how it was lost."""
        params = {"name": tool, "arguments": {"seconds": seconds}, "_meta": META}
        body = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        headers = {
            "Authorization": f"Bearer {TOKEN}", "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": tool,
        }  # fmt: skip
        async with httpx.AsyncClient(headers=headers, timeout=120, trust_env=False) as http:
            try:
                answer = await http.post(self.gateway.url, json=body)
                if answer.status_code == 503:
                    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("2", "close")
                    self.refused.append((answer.status_code, answer.json()["error"]["code"]))
                else:
                    self.results.append(message(answer))
            except httpx.HTTPError as exc:
                self.lost.append(repr(exc))

    async def all_at_work(self, count: int) -> None:
        """Wait until the gateway works on so many calls."""

        def are_there() -> bool:
            return self.gateway.metric("mcp_gateway_inflight_requests") == count

        await anyio.to_thread.run_sync(lambda: wait_until(are_there, within=60, what="all calls in flight"))


async def test_every_call_in_flight_is_answered_before_the_daemon_ends(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=config("slow.py")) as gateway:
        assert gateway.process is not None
        agents, base = Agents(gateway), f"http://127.0.0.1:{gateway.port}"
        async with (
            httpx.AsyncClient(trust_env=False, base_url=base, timeout=30, limits=KEPT) as kept_open,
            anyio.create_task_group() as tasks,
        ):
            assert (await kept_open.get("/readyz")).status_code == 200
            for number in range(CALLS):
                tasks.start_soon(agents.call, number, "slow__sleep", 20.0)
            await agents.all_at_work(CALLS)
            gateway.process.send_signal(signal.SIGTERM)
            with anyio.fail_after(30):
                while (answer := await kept_open.get("/readyz")).status_code == 200:
                    await anyio.sleep(0)
            assert (answer.status_code, answer.headers["connection"]) == (503, "close")
            await anyio.to_thread.run_sync(says_that_it_stops, gateway)
            await agents.call(CALLS, "slow__sleep", 0.0)
        assert (agents.lost, agents.refused) == ([], [(503, "stopping")])
        assert [result["result"]["content"][0]["text"] for result in agents.results] == ["slept"] * CALLS
        assert gateway.process.wait(timeout=60) == 0


def says_that_it_stops(gateway: Gateway) -> None:
    """Somebody new is let in and told."""
    base = f"http://127.0.0.1:{gateway.port}"
    assert httpx.get(f"{base}/readyz", timeout=30).status_code == 503
    assert httpx.get(f"{base}/healthz", timeout=30).status_code == 200
    assert gateway.status()["not_ready"] == ["stopping"]


async def test_a_second_signal_ends_it_at_once_without_an_orphan(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=config("slow.py")) as gateway:
        assert gateway.process is not None
        agents, tree = Agents(gateway), gateway.tree()
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(agents.call, number, "slow__sleep", 100.0)
            await agents.all_at_work(3)
            gateway.process.send_signal(signal.SIGTERM)
            await anyio.to_thread.run_sync(
                lambda: wait_until(lambda: "stopping" in gateway.log_tail(), within=30, what=gateway.log_tail())
            )
            gateway.process.send_signal(signal.SIGTERM)
            # Both what it waits for (60 s) and the calls (100 s) would take far longer.
            status = await anyio.to_thread.run_sync(lambda: gateway.process and gateway.process.wait(timeout=30))
        assert status == 0
        assert psutil.wait_procs(tree, timeout=2)[1] == []
        assert "hurrying" in gateway.log.read_text()


def test_a_server_that_ignores_being_stopped_is_killed_when_it_hurries(tmp_path: Path) -> None:
    text = config("deaf.py") + "[server.health]\nTimeoutStopSec = 300\n"
    with running_gateway(tmp_path, config=text) as gateway:
        assert gateway.process is not None
        tree = gateway.tree()
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "stopping" in gateway.log_tail(), within=30, what=gateway.log_tail())
        gateway.process.send_signal(signal.SIGINT)
        assert gateway.process.wait(timeout=30) == 0
        assert psutil.wait_procs(tree, timeout=2)[1] == []
