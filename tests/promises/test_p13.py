"""P13: a reload keeps the processes and the open calls of unchanged servers; a bad configuration is refused whole."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Gateway, python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

RELOADS = 10


def server(name: str, script: str = "echo.py", *more: str) -> str:
    found = python_server(script)
    command = json.dumps([found["command"], *found["args"]])
    return "\n".join([f'[[server]]\nname = "{name}"\ncommand = {command}', *more, ""])


STEADY = server("one") + server("slow", "slow.py")


class Load:
    """Clients that call `one` all the time; `stop` returns what went wrong and how many calls went well."""

    def __init__(self, gateway: Gateway, clients: int) -> None:
        self._gateway, self._over = gateway, threading.Event()
        self._failed: list[Any] = []
        self._well = [0] * clients
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int) -> None:
        with Legacy(self._gateway.url, self._gateway.token, agent=f"a{number}") as client:
            while not self._over.is_set():
                said = f"{number}-{self._well[number]}"
                result = client.call("one__echo", {"text": said})
                if result.get("isError") or text_of(result) != said:
                    self._failed.append(result)
                self._well[number] += 1

    @property
    def calls(self) -> int:
        """Answered so far."""
        return sum(self._well)

    def stop(self) -> list[Any]:
        """End it."""
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=60)
            assert not thread.is_alive()
        return self._failed


def hup(gateway: Gateway, config: str) -> None:
    """Write the configuration and say so."""
    (gateway.state.parent / "config.toml").write_text(config)
    assert gateway.process is not None
    os.kill(gateway.process.pid, signal.SIGHUP)


def test_p13_ten_reloads_under_load_lose_no_call_and_keep_every_unchanged_process(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=STEADY) as gateway:
        gateway.wait_ready("one", "slow")
        pids = {name: gateway.server(name)["pid"] for name in ("one", "slow")}
        kept: list[Any] = []
        with Legacy(gateway.url, gateway.token) as client:
            client.http.timeout = 200
            long = threading.Thread(target=lambda: kept.append(client.call("slow__sleep", {"seconds": 15})))
            long.start()
            wait_until(lambda: gateway.server("slow")["in_flight"] == 1, within=20, what="a long call is open")
            load = Load(gateway, 4)
            for number in range(RELOADS):
                before = load.calls
                hup(gateway, STEADY + server(f"extra{number}"))
                wait_until(
                    lambda n=number: gateway.server(f"extra{n}").get("state") == "ready", within=60, what="the new one"
                )
                wait_until(lambda b=before: load.calls > b + 5, within=60, what="calls go on")
            assert load.stop() == []
            long.join(timeout=60)
        assert [text_of(result) for result in kept] == ["slept"]
        assert {name: gateway.server(name)["pid"] for name in pids} == pids
        assert gateway.server("extra0") == {}


def test_p13_words_and_policies_are_changed_without_touching_the_process(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=STEADY) as gateway:
        gateway.wait_ready("one", "slow")
        pid = gateway.server("one")["pid"]
        hup(gateway, server("one", "echo.py", "required = true", "[server.health]", "Failures = 7") + server("two"))
        wait_until(lambda: gateway.server("two").get("state") == "ready", within=60, what="the new one is ready")
        assert (gateway.server("one")["pid"], gateway.server("one")["required"]) == (pid, True)


@pytest.mark.parametrize(
    "broken",
    [
        "[[server\n",
        server("one") + 'colour = "red"\n',
        server("one") + server("one"),
        '[gateway]\nlog_level = "loud"\n',
    ],
    ids=["no TOML", "unknown key", "twice the same name", "bad value"],
)
def test_p13_a_broken_configuration_is_refused_whole_under_load(tmp_path: Path, broken: str) -> None:
    with running_gateway(tmp_path, config=STEADY) as gateway:
        gateway.wait_ready("one", "slow")
        pids = {name: gateway.server(name)["pid"] for name in ("one", "slow")}
        load = Load(gateway, 2)
        hup(gateway, server("new") + broken)
        wait_until(lambda: "reload_refused" in gateway.log.read_text(), within=30, what="the refusal is told")
        wait_until(lambda: load.calls > 5, within=60, what="calls go on")
        assert load.stop() == []
        assert gateway.server("new") == {}
        assert {name: gateway.server(name)["pid"] for name in pids} == pids
        hup(gateway, STEADY + server("new"))
        wait_until(lambda: gateway.server("new").get("state") == "ready", within=60, what="a good one is taken")
