"""P17: a server that ran out of memory is named as such: cause and reason say `oom`, wherever it is shown."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.harness import Gateway, python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]


def config(memory: str) -> str:
    server = python_server("greedy.py")
    command = json.dumps([server["command"], *server["args"]])
    return f'[[server]]\nname = "greedy"\ncommand = {command}\n[server.limits]\nMemoryMax = "{memory}"\n'


def came_back(gateway: Gateway) -> None:
    wait_until(
        lambda: (row := gateway.server("greedy"))["restarts"] == 1 and row["state"] == "ready", within=60, what="back"
    )


def test_p17_one_over_its_memory_is_said_to_be_out_of_memory_everywhere(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=config("96M")) as gateway:
        gateway.wait_ready("greedy")
        with Legacy(gateway.url, gateway.token) as client:
            result = client.call("greedy__eat", {"count": 2048})
        assert result["isError"] is True
        assert result["_meta"]["gateway/error"]["code"] == "child_gone"
        assert "oom" in text_of(result)
        came_back(gateway)
        assert gateway.server("greedy")["last_exit"]["reason"].startswith("oom:")
        assert gateway.server("greedy")["last_exit"]["cause"] == "oom"
        assert "oom:" in gateway.log.read_text()


def test_p17_memory_that_its_children_take_counts_as_well(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=config("96M")) as gateway:
        gateway.wait_ready("greedy")
        with Legacy(gateway.url, gateway.token) as client:
            result = client.call("greedy__brood_eats", {"count": 2048})
        assert result["isError"] is True
        came_back(gateway)
        assert gateway.server("greedy")["last_exit"]["reason"].startswith("oom:")


def test_p17_a_kill_by_hand_is_not_called_so(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=config("512M")) as gateway:
        gateway.wait_ready("greedy")
        os.kill(gateway.server("greedy")["pid"], signal.SIGKILL)
        came_back(gateway)
        assert "oom" not in gateway.server("greedy")["last_exit"]["reason"]
        assert gateway.server("greedy")["last_exit"]["cause"] == "signal"
