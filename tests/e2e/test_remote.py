"""A remote server of the configuration: a real daemon, a real server, whose token and whose mood change."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.harness import SERVERS, Gateway, free_port, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

OLD, NEW = "old-canary-1", "new-canary-2"
CONFIG = """
[[server]]
name = "far"
url = "http://127.0.0.1:{port}/mcp"
headers = {{ Authorization = "Bearer ${{secret:TOKEN}}" }}
[server.restart]
RestartSec = 0.2
RestartMaxDelaySec = 0.5
StartLimitBurst = 1000
"""


@pytest.fixture(params=["legacy", "modern"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Where a remote server listens that wants the old token."""
    chosen = free_port()
    script = [sys.executable, str(SERVERS / "remote_http.py"), "--port", str(chosen), "--token", OLD]
    with subprocess.Popen([*script, "--era", request.param]) as process:
        yield chosen
        process.kill()


def told(port: int, **settings: Any) -> dict[str, Any]:
    counted: dict[str, Any] = httpx.post(f"http://127.0.0.1:{port}/ctl", json=settings, trust_env=False).json()
    return counted


def called(gateway: Gateway, words: str) -> dict[str, Any]:
    with Legacy(gateway.url, gateway.token) as client:
        return client.call("far__echo", {"text": words})


def error_of(result: dict[str, Any]) -> dict[str, Any]:
    assert result["isError"] is True
    fault: dict[str, Any] = result["_meta"]["gateway/error"]
    return fault


def test_a_new_token_is_used_by_the_call_that_finds_the_old_one_refused(tmp_path: Path, port: int) -> None:
    environment = {"MCP_GATEWAY_SECRET_TOKEN": OLD}
    with running_gateway(tmp_path, config=CONFIG.format(port=port), environment=environment, ready=False) as gateway:
        gateway.cli("secret", "set", "far", "TOKEN")
        gateway.wait_ready("far")
        before = gateway.server("far")["restarts"]
        gateway.environment["MCP_GATEWAY_SECRET_TOKEN"] = NEW
        gateway.cli("secret", "set", "far", "TOKEN")
        told(port, token=NEW)
        assert text_of(called(gateway, "once")) == "once"
        assert told(port)["executed"]["once"] == 1
        assert gateway.server("far")["restarts"] == before
        assert "canary" not in gateway.log.read_text()


def test_a_refused_token_names_the_secret_and_setting_it_is_enough(tmp_path: Path, port: int) -> None:
    environment = {"MCP_GATEWAY_SECRET_TOKEN": OLD}
    with running_gateway(tmp_path, config=CONFIG.format(port=port), environment=environment, ready=False) as gateway:
        gateway.cli("secret", "set", "far", "TOKEN")
        gateway.wait_ready("far")
        told(port, token=NEW)
        fault = error_of(called(gateway, "never"))
        assert (fault["code"], fault["server"]) == ("not_ready", "far")
        row = wait_until(lambda: state_of(gateway, "failed"), within=60, what="far failed")
        assert "mcp-gateway secret set far TOKEN" in row["reason"]
        gateway.environment["MCP_GATEWAY_SECRET_TOKEN"] = NEW
        gateway.cli("secret", "set", "far", "TOKEN")
        gateway.wait_ready("far")
        assert text_of(called(gateway, "again")) == "again"
        assert "never" not in told(port)["executed"]
        assert "canary" not in gateway.log.read_text()


def test_a_server_without_room_answers_its_caller_with_how_long_to_wait(tmp_path: Path, port: int) -> None:
    environment = {"MCP_GATEWAY_SECRET_TOKEN": OLD}
    with running_gateway(tmp_path, config=CONFIG.format(port=port), environment=environment, ready=False) as gateway:
        gateway.cli("secret", "set", "far", "TOKEN")
        gateway.wait_ready("far")
        before = gateway.server("far")["restarts"]
        for status, code in ((429, "rate_limited"), (503, "busy")):
            refusal = {"status": status, "headers": {"retry-after": "7"}, "method": "tools/call"}
            told(port, refuse=refusal)
            fault = error_of(called(gateway, "full"))
            assert (fault["code"], fault["retry_after_s"]) == (code, 7.0)
        assert text_of(called(gateway, "room")) == "room"
        assert gateway.server("far")["restarts"] == before


def state_of(gateway: Gateway, state: str) -> dict[str, Any] | None:
    row = gateway.server("far")
    return row if row["state"] == state else None
