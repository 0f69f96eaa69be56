"""P16: what was acknowledged survives SIGKILL at any moment, of writes and of installations; the store stays whole.

Ten kills here; `make test-long` has the long series.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.harness import Gateway, python_server, running_gateway
from tests.e2e.wire import Legacy
from tests.install.zips import manifest, write_bundle

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

KILLS = 10
SEED = 16
SOURCE = (Path(__file__).parents[1] / "servers" / "moody.py").parent


class Work:
    """Calls and installations that go on until the gateway is killed; remembers what was acknowledged."""

    def __init__(self, gateway: Gateway, bundle: Path) -> None:
        self._gateway, self._bundle = gateway, bundle
        self.calls: set[str] = set()
        self.installed: set[str] = set()
        self._count = 0
        self._over = threading.Event()

    def calling(self) -> None:
        """Call, and ask the ledger what it holds: what it shows is committed."""
        killed = (httpx.HTTPError, AssertionError, ValueError, StopIteration, RuntimeError)
        with contextlib.suppress(*killed), Legacy(self._gateway.url, self._gateway.token) as client:
            while True:
                for _ in range(5):
                    client.call("echo__echo", {"text": "x"})
                self.calls |= shown_calls(self._gateway)

    def installing(self) -> None:
        """Install one bundle after the other under a new name; exit status 0 is the acknowledgement.

        One that finds no gateway any more does its work without it, which has to last as well.
        """
        while not self._over.is_set():
            self._count += 1
            name = f"s{self._count}"
            done = subprocess.run(
                [sys.executable, "-m", "gateway", "install", f"mcpb:{self._bundle}", "--as", name, "--json"],
                env=self._gateway.environment, capture_output=True, timeout=120, check=False,
            )  # fmt: skip
            if done.returncode != 0:
                return
            self.installed.add(name)

    def until_killed(self, after_s: float) -> None:
        """Let both work, kill the gateway in the middle."""
        self._over.clear()
        workers = [threading.Thread(target=job, daemon=True) for job in (self.calling, self.installing)]
        for worker in workers:
            worker.start()
        time.sleep(after_s)  # the moment is the fault: there is nothing to wait for
        os.kill(self._gateway.pid(), signal.SIGKILL)
        self._over.set()
        self._gateway.stop()
        for worker in workers:
            worker.join(timeout=120)
            assert not worker.is_alive()


def shown_calls(gateway: Gateway) -> set[str]:
    """The call ids that the ledger answers with."""
    answer = httpx.get(
        f"http://127.0.0.1:{gateway.port}/api/v1/calls",
        params={"limit": 100_000},
        headers={"Authorization": f"Bearer {gateway.environment['MCP_GATEWAY_ADMIN_TOKEN']}"},
        timeout=30,
    )
    return {row["call_id"] for row in answer.raise_for_status().json()["calls"]}


def whole(gateway: Gateway) -> None:
    """The database's own check, of a gateway that does not run."""
    with contextlib.closing(sqlite3.connect(gateway.state / "gateway.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_p16_ten_kills_amid_writes_and_installations_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    bundle = tmp_path / "moody.mcpb"
    files = {f"server/{name}": (SOURCE / name).read_text() for name in ("moody.py", "speaking.py")}
    found = manifest("python", "server/moody.py", mcp_config={"args": ["${__dirname}/server/moody.py", "/nowhere"]})
    write_bundle(bundle, found, files)
    rng = random.Random(SEED)
    config = '[[server]]\nname = "echo"\ncommand = {}\n'.format(
        str([python_server("echo.py")["command"], *python_server("echo.py")["args"]]).replace("'", '"')
    )
    with running_gateway(tmp_path, config=config) as gateway:
        work = Work(gateway, bundle)
        for number in range(KILLS):
            gateway.wait_ready("echo")
            work.until_killed(rng.uniform(0.2, 4.0))
            whole(gateway)
            gateway.start()
            assert work.calls <= shown_calls(gateway), f"kill {number} (seed {SEED})"
            listed = {row["name"] for row in gateway.cli("list")["servers"]}
            assert work.installed <= listed, f"kill {number} (seed {SEED})"
        assert work.calls
        assert work.installed
        gateway.wait_ready("echo", *sorted(work.installed)[:3])
