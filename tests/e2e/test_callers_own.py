"""A server of which every agent has its own process: seen in status, metrics and logs while nobody's own runs too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.e2e.harness import SERVERS, running_gateway, wait_until
from tests.e2e.wire import Legacy

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

CONFIG = """
[[server]]
name = "pa"
command = ["{python}", "{script}"]
session = "per-agent"
start = "lazy"
"""


def test_what_callers_have_of_their_own_is_seen_everywhere(tmp_path: Path) -> None:
    config = CONFIG.format(python=sys.executable, script=SERVERS / "crasher.py")
    with running_gateway(tmp_path, config=config) as gateway:
        wait_until(lambda: gateway.server("pa").get("resting") is True, within=60, what="pa rests")
        wait_until(lambda: (gateway.server("pa").get("tools") or 0) > 0, within=60, what="its tools are shown")
        for agent in ("alice", "bob"):
            with Legacy(gateway.url, gateway.token, agent=agent, run="r1") as client:
                client.call("pa__pid", {})
        row = gateway.server("pa")
        assert (row["state"], row["instances"]) == ("ready", 2)
        assert [one["instance"] for one in row["instances_detail"]] == ["alice/r1", "bob/r1"]
        assert row["rss_bytes"] == sum(one["rss_bytes"] for one in row["instances_detail"])
        wait_until(lambda: gateway.metric("mcp_gateway_server_up") == 1.0, within=30, what="it is up")
        wait_until(lambda: gateway.metric("mcp_gateway_child_rss_bytes") > 1e6, within=30, what="its memory is shown")
        said = gateway.run_cli("status", "pa").stdout
        for part in ("alice/r1", "bob/r1", str(row["instances_detail"][0]["pid"]), "2 ready"):
            assert part in said
        assert "[bob/r1] crasher: about to begin" in gateway.run_cli("logs", "pa").stdout
