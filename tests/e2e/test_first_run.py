"""`serve` with nothing configured, as a new user meets it; and what the daemon's process never carries."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.e2e.harness import Gateway, running_gateway
from tests.e2e.wire import Legacy, Modern, text_of

STARTERS = ("everything", "fetch", "filesystem", "git", "memory", "thinking", "time")
OWN_TOOLS = {"gateway__find_tools", "gateway__call_tool", "gateway__rate_tool"}
MIB = 2**20


def daemon_maps(gateway: Gateway) -> str:
    return Path(f"/proc/{gateway.pid()}/maps").read_text()


@pytest.mark.process
@pytest.mark.network
@pytest.mark.timeout(500)
@pytest.mark.xdist_group("registries")
def test_the_starter_catalogue_installs_itself_and_is_listed_at_once_the_next_time(tmp_path: Path) -> None:
    with running_gateway(tmp_path) as gateway:
        gateway.wait_ready(*STARTERS, within=400)
        rows = {row["name"]: row for row in gateway.status()["servers"]}
        for name in STARTERS:
            assert rows[name]["pid"]
            assert rows[name]["rss_bytes"] > MIB
            assert rows[name]["tools"] >= 1
        with Modern(gateway.url, gateway.token, agent="a", run="first") as client:
            listed = {tool["name"] for tool in client.tools()}
            assert len(listed) >= 45
            assert listed >= OWN_TOOLS
            assert "UTC" in text_of(client.call("time__get_current_time", {"timezone": "UTC"}))
        assert {row["origin"] for row in gateway.cli("list")["servers"]} == {"starter"}
        assert "mcp-gateway is serving 7 of 7 servers" in gateway.log.read_text()
        gateway.stop()
        gateway.start(ready=False)
        # The first client of the second start: whatever is up already, the whole list is there.
        with Legacy(gateway.url, gateway.token, agent="b", run="second") as client:
            assert {tool["name"] for tool in client.tools()} == listed


@pytest.mark.process
@pytest.mark.timeout(120)
def test_the_daemon_is_small_and_never_carries_torch(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={}) as gateway:
        with Legacy(gateway.url, gateway.token) as client:
            assert client.tools() == []
        assert "libtorch" not in daemon_maps(gateway)
        assert psutil.Process(gateway.pid()).memory_info().rss <= 150 * MIB
