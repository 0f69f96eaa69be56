"""Servers reached through Smithery Connect: a real daemon, a stand-in over real HTTP, also when that is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Gateway, clean_environment, free_port, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of
from tests.standins.running import RunningSmithery, running_smithery

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

LOGIN = {"state": "auth_required", "setupUrl": "https://smithery.example/in"}
EMPTY = "[gateway]\n[smithery]\nconnect_wait_s = 0\n"
QUICK = """
[[server]]
name = "weather"
from = "smithery:acme/weather-http"
via = "connect"
config = { units = "us" }
required = true
[server.restart]
RestartSec = 0.2
RestartMaxDelaySec = 0.5
StartLimitBurst = 1000
[server.health]
IntervalSec = 0.3
Failures = 1
TimeoutSec = 5.0
"""


@pytest.fixture
def smithery() -> Iterator[RunningSmithery]:
    with running_smithery() as running:
        yield running


def environment(smithery: RunningSmithery, **more: str) -> dict[str, str]:
    return {
        "SMITHERY_BASE_URL": smithery.url,
        "SMITHERY_CONNECT_BASE_URL": smithery.url,
        "SMITHERY_API_KEY": smithery.key,
        **more,
    }


def everything_kept(gateway: Gateway) -> bytes:
    """All that the daemon wrote: its state directory and its log."""
    files = [path for path in gateway.state.rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in [*files, gateway.log])


def forecast(gateway: Gateway, exposed: str) -> str:
    with Legacy(gateway.url, gateway.token) as client:
        assert exposed in [tool["name"] for tool in client.tools()]
        return text_of(client.call(exposed, {"city": "Bern"}))


def test_a_server_is_installed_through_connect_called_and_removed_with_its_connection(
    tmp_path: Path, smithery: RunningSmithery
) -> None:
    with running_gateway(tmp_path, config=EMPTY, environment=environment(smithery)) as gateway:
        done = gateway.cli("install", "smithery:acme/weather-http", "--as", "weather", "--via", "connect")
        assert done["tools"] == 3
        gateway.wait_ready("weather")
        assert forecast(gateway, "weather__get_forecast") == "Bern: sunny, 21 C"
        through = {row["authorization"] for row in smithery.log() if row["path"].endswith("/weather/mcp")}
        assert through
        assert all(token.startswith("Bearer st-") for token in through)
        (row,) = gateway.cli("connect", "list")["connections"]
        assert (row["id"], row["state"], row["used_by"], row["made_here"]) == ("weather", "connected", "weather", True)
        assert len(gateway.cli("connect", "tools", "weather")["tools"]) == 3
        assert 'via = "connect"' in gateway.cli("config", "show")["toml"]
        assert smithery.key.encode() not in everything_kept(gateway)
        assert b"st-1" not in everything_kept(gateway)
        assert gateway.cli("remove", "weather")["warnings"] == []
        assert gateway.cli("connect", "list")["connections"] == []


def test_a_stand_in_that_goes_away_is_told_and_the_server_comes_back_with_it(
    tmp_path: Path, smithery: RunningSmithery
) -> None:
    config = EMPTY + QUICK
    with running_gateway(tmp_path, config=config, environment=environment(smithery)) as gateway:
        gateway.wait_ready("weather")
        assert forecast(gateway, "weather__get_forecast") == "Bern: sunny, 70 F"
        smithery.stop()
        wait_until(lambda: is_down(gateway), within=60, what="the server down, with the reason")
        smithery.start()
        gateway.wait_ready("weather")
        assert forecast(gateway, "weather__get_forecast") == "Bern: sunny, 70 F"


def is_down(gateway: Gateway) -> bool:
    row = gateway.server("weather")
    return row["state"] in {"backoff", "failed"} and "cannot be reached" in row["reason"]


def test_an_expired_token_is_renewed_without_anybody_noticing(tmp_path: Path, smithery: RunningSmithery) -> None:
    with running_gateway(tmp_path, config=EMPTY, environment=environment(smithery)) as gateway:
        gateway.cli("install", "smithery:acme/weather-http", "--as", "weather", "--via", "connect")
        gateway.wait_ready("weather")
        tokens = {(row["authorization"] or "").removeprefix("Bearer ") for row in smithery.log()}
        smithery.settings(expired=[token for token in tokens if token.startswith("st-")])
        assert forecast(gateway, "weather__get_forecast") == "Bern: sunny, 21 C"
        assert gateway.server("weather")["restarts"] == 0


def test_a_sign_in_is_asked_for_and_the_same_command_goes_on_after_it(
    tmp_path: Path, smithery: RunningSmithery
) -> None:
    smithery.settings(states={"acme/weather-http": LOGIN})
    line = ("install", "smithery:acme/weather-http", "--as", "weather", "--via", "connect")
    with running_gateway(tmp_path, config=EMPTY, environment=environment(smithery)) as gateway:
        error = gateway.cli(*line, expect=1)["error"]
        assert (error["code"], error["details"]["setup_url"]) == ("auth_required", "https://smithery.example/in")
        assert "run the same command again" in error["fix"]
        assert gateway.cli("list")["servers"] == []
        (row,) = gateway.cli("connect", "list")["connections"]
        assert (row["state"], row["setup_url"]) == ("auth_required", "https://smithery.example/in")
        smithery.settings(states={})
        gateway.cli(*line)
        gateway.wait_ready("weather")


def test_a_sign_in_that_is_wanted_again_later_is_the_reason_in_the_status(
    tmp_path: Path, smithery: RunningSmithery
) -> None:
    with running_gateway(tmp_path, config=EMPTY + QUICK, environment=environment(smithery)) as gateway:
        gateway.wait_ready("weather")
        smithery.settings(states={"weather": LOGIN})
        row = wait_until(lambda: state_of(gateway, "failed"), within=60, what="the server failed")
        assert "open https://smithery.example/in in a browser" in row["reason"]
        assert "mcp-gateway restart weather" in row["reason"]
        smithery.settings(states={"weather": {"state": "input_required", "missing": {"headers": ["x-api-key"]}}})
        gateway.cli("restart", "weather")
        wait_until(lambda: "x-api-key" in gateway.server("weather")["reason"], within=60, what="the other reason")
        smithery.settings(states={})
        gateway.cli("restart", "weather")
        gateway.wait_ready("weather")


def state_of(gateway: Gateway, state: str) -> dict[str, Any] | None:
    row = gateway.server("weather")
    return row if row["state"] == state else None


def test_values_are_given_on_the_command_line_and_kept_from_view(tmp_path: Path, smithery: RunningSmithery) -> None:
    more = environment(smithery, MCP_GATEWAY_SECRET_apiKey="canary-5c1")
    with running_gateway(tmp_path, config=EMPTY, environment=more) as gateway:
        line = ("install", "acme/vault-http", "--as", "vault", "--via", "connect")
        error = gateway.cli(*line, expect=1)["error"]
        assert (error["code"], error["details"]["missing_secrets"]) == ("input_required", ["apiKey"])
        done = gateway.cli(*line, "--secret", "apiKey", "--set", "units=us")
        gateway.wait_ready("vault")
        assert forecast(gateway, "vault__get_forecast") == "Bern: sunny, 70 F"
        assert "canary-5c1" not in json.dumps([done, gateway.status(), gateway.cli("config", "show")])


def test_without_a_key_or_with_a_wrong_one_one_line_says_what_to_do(tmp_path: Path, smithery: RunningSmithery) -> None:
    none = environment(smithery, SMITHERY_API_KEY="")
    with running_gateway(tmp_path, config=EMPTY, environment=none) as gateway:
        done = gateway.run_cli("connect", "list")
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("fix: Set SMITHERY_API_KEY")
    wrong, other = environment(smithery, SMITHERY_API_KEY="sk-bad"), tmp_path / "other"
    other.mkdir()
    with running_gateway(other, config=EMPTY, environment=wrong) as gateway:
        assert gateway.cli("connect", "namespaces", expect=1)["error"]["code"] == "unauthorized"


def test_connect_works_without_a_daemon(tmp_path: Path, smithery: RunningSmithery) -> None:
    state = tmp_path / "state"
    gateway = Gateway(state, free_port(), [], clean_environment(state, environment(smithery)))
    added = gateway.cli("connect", "add", "acme/weather-http", "--id", "wx")
    assert added["state"] == "connected"
    assert gateway.cli("connect", "show", "wx")["url"] == added["url"]
    assert gateway.cli("connect", "remove", "wx")["removed"] == "wx"
