"""Finding and installing with a Smithery over real HTTP: bundle, remote server, discover rule, and without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Gateway, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of
from tests.standins.running import RunningSmithery, running_smithery

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

EMPTY = "[gateway]\n"
DISCOVER = """
[[discover]]
query = "weather"
limit = 1
"""


@pytest.fixture
def smithery() -> Iterator[RunningSmithery]:
    with running_smithery() as running:
        yield running


def environment(smithery: RunningSmithery) -> dict[str, str]:
    return {
        "SMITHERY_BASE_URL": smithery.url,
        "SMITHERY_CONNECT_BASE_URL": smithery.url,
        "SMITHERY_API_KEY": smithery.key,
        "MCP_GATEWAY_SECRET_apiKey": "k1",
    }


def test_search_show_and_install_then_serve_without_the_registry(tmp_path: Path, smithery: RunningSmithery) -> None:
    with running_gateway(tmp_path, config=EMPTY, environment=environment(smithery)) as gateway:
        found = gateway.cli("search", "echo")
        assert "acme/echo-bundle" in [item["name"] for item in found["items"]]
        assert {s["name"]: s["state"] for s in found["sources"]}["smithery"] == "ok"
        shown = gateway.cli("show", "acme/echo-bundle")
        assert shown["connections"]
        assert shown["command"]
        refused = gateway.run_cli("install", "acme/echo-bundle", "--json")
        assert refused.returncode in {2, 4}
        assert "apiKey" in refused.stdout
        gateway.cli("install", "acme/echo-bundle", "--as", "echo", "--secret", "apiKey")
        gateway.cli("install", "acme/weather-http", "--as", "weather")
        gateway.wait_ready("echo", "weather")
        names = {row["name"] for row in gateway.cli("list")["servers"]}
        assert {"echo", "weather"} <= names
        smithery.stop()
        gateway.stop()
        gateway.start()
        gateway.wait_ready("echo")
        assert_echo_works(gateway)
        assert gateway.cli("search", "echo")["items"]


def assert_echo_works(gateway: Gateway) -> None:
    with Legacy(gateway.url, gateway.token) as client:
        names = [tool["name"] for tool in client.tools()]
        assert "echo__echo" in names
        assert any(name.startswith("weather__") for name in names)
        assert "hello" in text_of(client.call("echo__echo", {"text": "hello"}))


def test_a_discover_rule_installs_by_itself(tmp_path: Path, smithery: RunningSmithery) -> None:
    with running_gateway(tmp_path, config=DISCOVER, environment=environment(smithery)) as gateway:
        rows = wait_until(
            lambda: [r for r in gateway.status()["servers"] if r["state"] == "ready"],
            within=60,
            what="a server by itself",
        )
        assert len(rows) == 1
        listed = gateway.cli("list")["servers"]
        assert [row["origin"] for row in listed] == ["discover"]


def test_an_unreachable_registry_is_one_clear_line_and_nothing_stops(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=EMPTY) as gateway:
        found = gateway.cli("search", "time")
        states = {source["name"]: source for source in found["sources"]}
        assert states["smithery"]["state"] == "down"
        assert states["smithery"]["message"]
