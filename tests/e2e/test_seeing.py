"""What the gateway tells of its servers: deaths with causes, metrics, one server in full."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e.harness import ADMIN_TOKEN, Gateway, python_server, running_gateway, wait_until

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

CANARY = "canary-value-93"
TALKATIVE = f"import sys; sys.stderr.write('my key is {CANARY}\\n'); sys.exit(3)"
QUIET = "[smithery]\nenabled = false\n[registry]\nenabled = false\n"
CONFIG = f"""{QUIET}
[[server]]
name = "talkative"
command = {json.dumps([sys.executable, "-c", TALKATIVE])}
secrets = ["API_KEY"]
"""


def give_secret(gateway: Gateway) -> None:
    """Set the secret as a person would, and let the server have it."""
    gateway.environment["MCP_GATEWAY_SECRET_API_KEY"] = CANARY
    gateway.cli("secret", "set", "talkative", "API_KEY")
    gateway.cli("restart", "talkative")


def test_deaths_are_told_with_their_cause_and_without_secrets_also_when_nothing_runs(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=CONFIG) as gateway:
        give_secret(gateway)

        def has_died() -> bool:
            return any(row["cause"] == "exit" for row in gateway.cli("deaths", "talkative")["deaths"])

        wait_until(has_died, within=60, what="a death in the log", every=0.5)
        metrics = httpx.get(f"http://127.0.0.1:{gateway.port}/metrics", timeout=10).text
        assert 'mcp_gateway_server_restarts_total{reason="exit",server="talkative"}' in metrics
        assert gateway.stop() == 0
        after = gateway.cli("deaths", "talkative")["deaths"]
        newest = next(row for row in after if row["cause"] == "exit")
        assert (newest["server"], newest["code"], newest["was_wanted"]) == ("talkative", 3, True)
        assert "my key is ***" in newest["stderr_tail"]
        assert CANARY not in json.dumps(after)
        assert CANARY.encode() not in (gateway.state / "gateway.db").read_bytes()
        assert "my key is ***" in gateway.run_cli("deaths", "talkative").stdout


def test_what_was_asked_for_is_no_death(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"echo": python_server("echo.py")}) as gateway:
        gateway.wait_ready("echo")
        gateway.cli("restart", "echo")
        gateway.wait_ready("echo")
        gateway.cli("stop", "echo")
        assert gateway.cli("deaths") == {"deaths": []}
        said = gateway.run_cli("status", "echo").stdout
        assert "stopped by request" in said
        assert gateway.cli("deaths", "nobody", expect=1)["error"]["code"] == "not_found"


def test_a_removed_server_leaves_the_metrics(tmp_path: Path) -> None:
    text = QUIET + '[[server]]\nname = "one"\ncommand = ["/nowhere"]\n'
    with running_gateway(tmp_path, config=text) as gateway:
        base = f"http://127.0.0.1:{gateway.port}"

        def has_series() -> bool:
            return 'server="one"' in httpx.get(f"{base}/metrics", timeout=10).text

        wait_until(has_series, within=30, what="its series")
        (tmp_path / "config.toml").write_text(QUIET)
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        httpx.post(f"{base}/api/v1/config/reload", headers=headers, timeout=30).raise_for_status()
        wait_until(lambda: not has_series(), within=30, what="no series")
