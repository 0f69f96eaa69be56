"""Servers that sleep, in a real daemon: started by the first call, put to rest when idle, started ahead."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import SERVERS, Gateway, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

IDLE_S = 4.0  # longer than a loaded machine needs from a look at the status to the next call
CONFIG = f"""
[[server]]
name = "first"
command = ["{sys.executable}", "{SERVERS / "echo.py"}"]

[[server]]
name = "then"
command = ["{sys.executable}", "{SERVERS / "echo.py"}"]
required = true
start = "lazy"
idle_stop_s = {IDLE_S}
prestart = true
"""


def then(gateway: Gateway) -> dict[str, Any]:
    return next(row for row in gateway.cli("status")["servers"] if row["name"] == "then")


def call(gateway: Gateway, run: str, *servers: str) -> None:
    with Legacy(gateway.url, gateway.token, agent="a", run=run) as client:
        for server in servers:
            assert text_of(client.call(f"{server}__echo", {"text": run})) == run


def at_rest(gateway: Gateway) -> None:
    wait_until(
        lambda: gateway.server("then")["resting"] and gateway.server("then")["state"] == "stopped",
        within=60,
        what="put to rest",
    )


def test_a_lazy_server_serves_rests_and_is_started_ahead_also_after_a_restart(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=CONFIG) as gateway:  # ready, although it needs `then`
        at_rest(gateway)
        row = then(gateway)
        assert (row["health"], row["callable"], row["pid"], row["tools"] > 0) == ("healthy", True, None, True)
        wait_until(lambda: "then (starts when called)" in gateway.log.read_text(), within=30, what="the start message")
        gateway.wait_ready("first")

        for number in range(3):
            call(gateway, f"run {number}", "first", "then")
        assert then(gateway)["state"] == "ready"
        assert then(gateway)["prestarts"] == 0
        at_rest(gateway)
        assert "nobody used it for 4 s" in then(gateway)["reason"]

        call(gateway, "run 3", "first")
        wait_until(lambda: gateway.server("then")["state"] == "ready", within=30, what="started ahead")
        call(gateway, "run 3", "then")
        row = then(gateway)
        assert (row["prestarts"], row["wasted_starts"], row["restarts"]) == (1, 0, 0)

        gateway.stop()
        gateway.start()
        row = then(gateway)
        assert (row["resting"], row["last_exit"], row["tools"] > 0) == (True, None, True)  # it was not even looked at
        gateway.wait_ready("first")
        call(gateway, "run 4", "first")
        wait_until(lambda: gateway.server("then")["wasted_starts"] == 1, within=60, what="judged as wasted")
        assert then(gateway)["prestarts"] == 1


def test_a_changed_start_policy_is_adopted_by_a_reload_and_a_stop_by_hand_counts_more(tmp_path: Path) -> None:
    lazy = CONFIG.replace(f"idle_stop_s = {IDLE_S}", "")
    with running_gateway(tmp_path, config=lazy) as gateway:
        call(gateway, "r", "then")
        pid = then(gateway)["pid"]
        (tmp_path / "config.toml").write_text(lazy.replace("prestart = true", "prestart = true\nidle_stop_s = 600"))
        gateway.cli("config", "reload")
        assert then(gateway)["pid"] == pid
        (tmp_path / "config.toml").write_text(lazy.replace("prestart = true", "idle_stop_s = 0.5"))
        gateway.cli("config", "reload")
        at_rest(gateway)
        call(gateway, "r", "then")

        gateway.cli("stop", "then")
        row = then(gateway)
        assert (row["state"], row["resting"], row["callable"]) == ("stopped", False, False)
        with Legacy(gateway.url, gateway.token) as client:
            refused = client.call("then__echo", {"text": "x"})
        assert refused["_meta"]["gateway/error"]["code"] == "not_ready"
        gateway.cli("start", "then")
        gateway.wait_ready("then")
