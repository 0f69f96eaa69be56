"""What an agent is answered, and an operator shown, when calls wait or fail: a real daemon over HTTP."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from tests.e2e.harness import SERVERS, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

CONFIG = f"""
[tools]
mode = "ranked"

[learning]
bucket = 0.0

[[server]]
name = "s"
command = ["{sys.executable}", "{SERVERS / "serial.py"}"]

[server.health]
BreakerFailures = 3
BreakerSec = 600.0

[server.limits]
max_in_flight = 1
max_queue = 1
"""


def test_a_tool_that_always_breaks_is_held_back_shown_and_goes_to_the_end_of_the_list(tmp_path: Path) -> None:
    with (
        running_gateway(tmp_path, config=CONFIG) as gateway,
        Legacy(gateway.url, gateway.token) as client,
        Legacy(gateway.url, gateway.token, agent="another") as other,
    ):
        gateway.wait_ready("s")
        for caller in (client, client, other):  # one of them alone might call it wrongly
            caller.request("tools/call", {"name": "s__fail", "arguments": {}})
        held = client.call("s__fail")
        fault = held["_meta"]["gateway/error"]
        assert (held["isError"], fault["code"], fault["server"]) == (True, "breaker_open", "s")
        assert 500 < fault["retry_after_s"] <= 600
        assert "was not sent" in text_of(held)
        assert text_of(client.call("s__ok")) == "ok"

        row = gateway.server("s")
        assert row["breaker"]["state"] == "closed"
        assert [(one["tool"], one["state"]) for one in row["breakers"]] == [("fail", "open")]
        ranked = wait_until(
            lambda: [tool for tool in gateway.cli("tools")["tools"] if "held back" in tool["why"]],
            within=30,
            what="told to the policy",
        )
        assert [tool["name"] for tool in ranked] == ["s__fail"]
        assert gateway.cli("tools")["tools"][-1]["name"] == "s__fail"
        outcomes = [one["outcome"] for one in gateway.cli("calls", "--tool", "s__fail")["calls"]]
        assert outcomes == ["refused", "tool_error", "tool_error", "tool_error"]


def test_a_full_server_answers_busy_with_advice_and_the_others_in_their_turn(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=CONFIG) as gateway, Legacy(gateway.url, gateway.token) as client:
        gateway.wait_ready("s")
        texts: list[str] = []
        work = {"seconds": 3.0}
        callers = [threading.Thread(target=lambda: texts.append(text_of(client.call("s__work", work))))]
        callers.append(threading.Thread(target=lambda: texts.append(text_of(client.call("s__work", work)))))
        for number, caller in enumerate(callers):
            caller.start()
            wait_until(
                lambda n=number: gateway.server("s")["in_flight"] + gateway.server("s")["queued"] == n + 1,
                within=30,
                what="on its way",
            )
        assert (gateway.server("s")["in_flight"], gateway.server("s")["serial"]) == (1, True)
        busy = client.call("s__ok")
        assert busy["_meta"]["gateway/error"]["code"] == "busy"
        assert "one call at a time" in text_of(busy)
        for caller in callers:
            caller.join()
        assert texts == ["worked", "worked"]
