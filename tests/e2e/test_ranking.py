"""The promise of the product: of two servers with the same tool, the reliable one comes first after some use."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Gateway, python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

CONFIG = """
[[server]]
name = "{first}"
command = [{command}, "--rate", "{first_rate}", "--tool", "look_up"]
[[server]]
name = "{second}"
command = [{command}, "--rate", "{second_rate}", "--tool", "look_up"]
"""


def config(*, bad: str, good: str) -> str:
    server = python_server("flaky.py")
    command = ", ".join(f'"{part}"' for part in [server["command"], *server["args"]])
    names = sorted([bad, good])
    rates = {bad: "0.8", good: "0.0"}
    return CONFIG.format(
        first=names[0], second=names[1], command=command, first_rate=rates[names[0]], second_rate=rates[names[1]]
    )


def listed_first(tools: list[dict[str, Any]], *, bad: str, good: str) -> bool:
    names = [tool["name"] for tool in tools]
    return names.index(f"{good}__look_up") < names.index(f"{bad}__look_up")


def wins(gateway: Gateway, *, bad: str, good: str, run: str) -> tuple[int, int]:
    """How often of ten the good one stands first: in new sessions' lists, and in find_tools."""
    lists = finds = 0
    for number in range(10):
        with Legacy(gateway.url, gateway.token, agent=f"agent{number}", run=run) as client:
            lists += listed_first(client.tools(), bad=bad, good=good)
            found = text_of(client.call("gateway__find_tools", {"query": "look up something"}))
            finds += found.index(f"{good}__look_up") < found.index(f"{bad}__look_up")
    return lists, finds


@pytest.mark.parametrize(("bad", "good", "ending"), [("alpha", "beta", "asked"), ("beta", "alpha", "killed")])
def test_the_reliable_twin_rises_and_stays_up_after_a_restart(tmp_path: Path, bad: str, good: str, ending: str) -> None:
    with running_gateway(tmp_path, config=config(bad=bad, good=good)) as gateway:
        gateway.wait_ready(bad, good)
        with Legacy(gateway.url, gateway.token, agent="worker", run="warm-up") as client:
            for number in range(200):
                client.call(f"{(bad, good)[number % 2]}__look_up", {"text": f"thing {number}"})
        wait_until(
            lambda: len(gateway.cli("calls", "--limit", "500")["calls"]) >= 200, within=10, what="the ledger has them"
        )
        lists, finds = wins(gateway, bad=bad, good=good, run="before")
        assert lists >= 9
        assert finds >= 9
        if ending == "killed":
            os.kill(gateway.pid(), signal.SIGKILL)
        gateway.stop()
        gateway.start()
        gateway.wait_ready(bad, good)
        lists, finds = wins(gateway, bad=bad, good=good, run="after")
        assert lists >= 9
        assert finds >= 9
