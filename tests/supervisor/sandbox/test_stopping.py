"""How confined servers end: by themselves, asked to, made to, and when the gateway is killed."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from gateway.model import SandboxPolicy, ServerName
from tests.e2e.harness import SERVERS, Gateway, running_gateway, wait_until
from tests.supervisor.running import row
from tests.supervisor.sandbox.confined import Site, build, confined, installed, look

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]

LEVELS = ("landlock", "bwrap")
END_S = 2.0  # nothing of a killed gateway lives longer
BREEDER = """
import subprocess, sys, time
sys.path.insert(0, {folder!r})
from speaking import Server
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
Server("breeder").run()
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return build(tmp_path)


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that it started."""
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run."""
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("level", LEVELS)
async def test_it_ends_when_its_input_does(site: Site, level: str) -> None:
    async with confined(site, installed(site, policy=SandboxPolicy(level))) as (supervisor, heard):
        await heard.state("spy", "ready")
        await supervisor.stop(ServerName("spy"))
        assert row(supervisor, "spy")["last_exit"]["code"] == 0


@pytest.mark.parametrize("level", LEVELS)
async def test_a_term_reaches_the_server_itself(site: Site, level: str) -> None:
    goodbye = site.data() / "goodbye"
    spec = installed(
        site, policy=SandboxPolicy(level), env={"SPY_GOODBYE": str(goodbye)}, stop_timeout_sec=3.0
    )  # it does not end with its input
    async with confined(site, spec) as (supervisor, heard):
        await heard.state("spy", "ready")
        started = tree(row(supervisor, "spy")["pid"])
        await supervisor.stop(ServerName("spy"))
        assert (goodbye.read_text(), row(supervisor, "spy")["last_exit"]["code"]) == ("TERM", 0)
        assert living(started) == []


async def test_a_server_in_namespaces_that_is_killed_is_said_to_be_killed_and_comes_back(site: Site) -> None:
    async with confined(site, installed(site, policy=SandboxPolicy("bwrap"))) as (supervisor, heard):
        await heard.state("spy", "ready")
        program = tree(row(supervisor, "spy")["pid"])[-1]
        program.send_signal(signal.SIGKILL)
        await heard.state("spy", "ready", times=2)
        assert row(supervisor, "spy")["last_exit"]["signal"] == "SIGKILL"
        assert (await look(supervisor, read=["/etc/hostname"]))["read"] == {'"/etc/hostname"': "done"}


def configuration(folder: Path, level: str) -> str:
    """Two servers of one level; the second has a grandchild in a session of its own."""
    breeder = folder / "code" / "breeder.py"
    breeder.parent.mkdir()
    breeder.write_text(BREEDER.format(folder=str(SERVERS)))
    commands = {"spy": str(SERVERS / "spy.py"), "breeder": str(breeder)}
    return "".join(
        f'[[server]]\nname = "{name}"\ncommand = {json.dumps([sys.executable, script])}\n'
        f'[server.sandbox]\nlevel = "{level}"\nReadOnlyPaths = [{json.dumps(str(SERVERS))}]\n'
        for name, script in commands.items()
    )


def confined_tree(gateway: Gateway) -> list[psutil.Process]:
    """Every process of both servers."""
    found = [process for name in ("spy", "breeder") for process in tree(gateway.server(name)["pid"])]
    assert any("sleep" in " ".join(process.cmdline()) for process in found), "the grandchild is missing"
    return found


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("with_keeper", [False, True], ids=["daemon", "daemon and keeper"])
def test_nothing_outlives_a_gateway_that_is_killed(tmp_path: Path, level: str, with_keeper: bool) -> None:
    with running_gateway(tmp_path, config=configuration(tmp_path, level)) as gateway:
        gateway.wait_ready("spy", within=60)
        wait_until(lambda: gateway.server("breeder")["state"] == "ready", within=60, what="breeder ready")
        assert [gateway.server(name)["sandbox"]["level"] for name in ("spy", "breeder")] == [level, level]
        processes = confined_tree(gateway)
        assert gateway.process is not None
        daemon = gateway.pid()
        if with_keeper:
            os.kill(gateway.process.pid, signal.SIGKILL)
        else:
            os.kill(daemon, signal.SIGKILL)
        gateway.process.wait(timeout=30)
        wait_until(lambda: not living(processes), within=END_S, what=f"an end of {living(processes)}")
        gateway.process = None
