"""An agent asks for a server; a person says yes; the agent gets its tools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Gateway, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of
from tests.standins.running import RunningSmithery, running_smithery

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

ASK = '[install]\non_demand = "ask"\n[registry]\nenabled = false\n'
INSTALL = "gateway__install_server"


@pytest.fixture
def smithery() -> Iterator[RunningSmithery]:
    """A stand-in Smithery."""
    with running_smithery() as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, smithery: RunningSmithery) -> Iterator[Gateway]:
    """A gateway whose agents may ask for servers."""
    environment = {
        "SMITHERY_BASE_URL": smithery.url,
        "SMITHERY_CONNECT_BASE_URL": smithery.url,
        "SMITHERY_API_KEY": smithery.key,
    }
    with running_gateway(tmp_path, config=ASK, environment=environment) as running:
        yield running


def test_an_agents_wish_waits_for_a_person_and_is_then_installed(gateway: Gateway) -> None:
    with Legacy(gateway.url, gateway.token, agent="ann", run="run-1") as agent:
        assert INSTALL in [tool["name"] for tool in agent.tools()]
        said = text_of(agent.call(INSTALL, {"name": "acme/weather-http"}))
        (row,) = gateway.cli("requests", "list")["requests"]
        assert row["id"] in said
        assert (row["state"], row["agent"], row["run"]) == ("pending", "ann", "run-1")
        assert gateway.cli("list")["servers"] == []
        assert gateway.cli("requests", "approve", row["id"])["request"]["state"] == "approved"
        wait_until(
            lambda: [r for r in gateway.cli("requests", "list")["requests"] if r["state"] == "installed"],
            within=60,
            what="an approved server",
        )
        (server,) = gateway.cli("list")["servers"]
        assert (server["origin"], server["from"]) == ("agent", "smithery:acme/weather-http")
    with Legacy(gateway.url, gateway.token, agent="ann", run="run-1") as agent:
        assert any(tool["name"].startswith(f"{server['name']}__") for tool in agent.tools())


def test_a_no_is_told_to_the_agent_that_asks_again(gateway: Gateway) -> None:
    with Legacy(gateway.url, gateway.token, agent="ann", run="run-1") as agent:
        agent.call(INSTALL, {"name": "acme/weather-http"})
        (row,) = gateway.cli("requests", "list")["requests"]
        gateway.cli("requests", "deny", row["id"])
        again = agent.call(INSTALL, {"name": "acme/weather-http"})
    assert again["isError"] is True
    assert "refused" in text_of(again)
    assert gateway.cli("list")["servers"] == []
