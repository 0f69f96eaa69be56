"""Processes that a server left behind, with nothing that names it: counted as its own, and gone when it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.harness import Gateway, python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of
from tests.promises.kept import alive

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nobody adopts orphans elsewhere"),
]

PATIENCE_S = 60


@contextmanager
def two_that_escape(folder: Path, limits: str) -> Iterator[tuple[Gateway, Legacy]]:
    """Two such servers, so that it is not for want of another one that an escapee is somebody's."""
    server = python_server("escaper.py")
    command = json.dumps([server["command"], *server["args"]])
    config = "\n".join(
        f'[[server]]\nname = "{name}"\ncommand = {command}\n[server.limits]\n{limits}\n' for name in ("one", "other")
    )
    with running_gateway(folder, config=config) as gateway:
        gateway.wait_ready("one", "other")
        pid = gateway.server("other")["pid"]
        with Legacy(gateway.url, gateway.token) as client:
            client.http.timeout = 100
            yield gateway, client
            assert text_of(client.call("other__echo", {"text": "fine"})) == "fine"
        assert (gateway.server("other")["pid"], gateway.server("other")["restarts"]) == (pid, 0)


def ended_as(gateway: Gateway, why: str) -> None:
    wait_until(
        lambda: (row := gateway.server("one"))["restarts"] >= 1 and why in row["last_exit"]["reason"],
        within=PATIENCE_S,
        what=f"the server of the escapee was ended: {why}",
    )


def test_the_memory_of_one_that_escaped_without_a_name_counts(tmp_path: Path) -> None:
    with two_that_escape(tmp_path, 'MemoryMax = "96M"') as (gateway, client):
        result = client.call("one__escape", {"kind": "hog", "count": 200})
        ended_as(gateway, "oom")
        if not result.get("isError"):
            wait_until(lambda: not alive([int(text_of(result))]), within=PATIENCE_S, what="the escapee is gone")


def test_the_processes_of_one_that_escaped_without_a_name_count(tmp_path: Path) -> None:
    with two_that_escape(tmp_path, 'TasksMax = "20"') as (gateway, client):
        client.call("one__escape", {"kind": "brood", "count": 60})
        ended_as(gateway, "tasks")
        wait_until(lambda: len(gateway.tree()) < 30, within=PATIENCE_S, what="its brood is gone")


def test_one_that_escaped_without_a_name_goes_with_its_server(tmp_path: Path) -> None:
    with two_that_escape(tmp_path, "") as (gateway, client):
        left = [int(text_of(client.call(f"{name}__escape", {"kind": "brood"}))) for name in ("one", "other")]
        assert alive(left) == left
        gateway.cli("stop", "one")
        wait_until(lambda: alive(left) == left[1:], within=PATIENCE_S, what="it is gone, and the other's is not")
