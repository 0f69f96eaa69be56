"""Carries a soak out: starts the daemon and the servers, applies the plan, samples, collects the evidence."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.harness import Gateway, clean_environment, free_port, wait_until
from tests.soak.judge import Evidence, Sample
from tests.soak.load import Load
from tests.soak.plan import QUIET_S, Fault, plan

HERE = Path(__file__).parent
SAMPLE_S = 5.0
REMOTE_DOWN_S = 2.0
ORPHAN_S = 2.0
MARK = "SOAK_FOLDER"

COMMON = """[server.restart]
RetryFailedSec = 15
[server.health]
IntervalSec = 2
TimeoutSec = 2
TimeoutStopSec = 1
BreakerSec = 2
BreakerMaxSec = 10
[server.limits]
timeout_s = 20
max_timeout_s = 30
queue_timeout_s = 10
"""
PLAIN = ("kill", "stop", "hang", "exit", "garbage", "banner", "stderr", "grandchild", "deaf", "silent")
TARGETS = {
    "legacy": PLAIN,
    "modern": PLAIN,
    "serial": ("kill", "stop", "exit", "grandchild", "silent"),
    "own": ("kill", "stop", "exit"),
    "sleepy": ("kill", "exit", "banner"),
    "confined": ("kill", "hang", "exit", "stderr", "garbage"),
    "limited": ("memory", "kill", "memory", "exit"),
    "remote": ("down", "forget", "errors", "forget"),
    "gateway": ("reload", "broken"),
}


@dataclass
class Site:
    """Where a soak happens: folders per server, ports."""

    folder: Path
    remote_port: int = field(default_factory=free_port)

    def of(self, name: str) -> Path:
        """A server's folder."""
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def config(self) -> str:
        """The daemon's configuration."""
        extra = {
            "modern": ("--modern",),
            "serial": ("--serial",),
            "sleepy": (),
        }
        keys = {
            "own": 'session = "per-session"\nidle_stop_s = 20\n',
            "sleepy": 'start = "lazy"\nidle_stop_s = 3\n',
            "limited": "",
        }
        tables = {
            "confined": '[server.sandbox]\nlevel = "landlock"\nnetwork = "none"\n',
            "limited": 'MemoryMax = "160M"\nTasksMax = 200\n',
        }
        blocks = ["[tools]\nmax_listed = 100\n[gateway]\nstart_parallel = 4\n"]
        for name in ("legacy", "modern", "serial", "own", "sleepy", "confined", "limited"):
            argv = [sys.executable, str(HERE / "server.py"), "--name", name, "--folder", str(self.of(name))]
            head = f"[[server]]\nname = {json.dumps(name)}\ncommand = {json.dumps([*argv, *extra.get(name, ())])}\n"
            env = f"env = {{ {MARK} = {json.dumps(str(self.folder))} }}\n"
            blocks.append(head + env + keys.get(name, "") + COMMON + tables.get(name, ""))
        url = f"http://127.0.0.1:{self.remote_port}/mcp"
        blocks.append(f'[[server]]\nname = "remote"\nurl = "{url}"\n{COMMON}')
        return "\n".join(blocks)


class Remote:
    """The process of the remote server, which a fault may kill for a while."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        argv = [sys.executable, str(HERE / "remote.py"), "--port", str(self._site.remote_port)]
        return subprocess.Popen([*argv, "--folder", str(self._site.of("remote"))], stdin=subprocess.DEVNULL)

    def down(self) -> None:
        """Kill it, and start it again a little later."""
        self.stop()
        time.sleep(REMOTE_DOWN_S)
        self.process = self._start()

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


class Tormentor:
    """Applies faults when their time comes, in a thread of its own."""

    def __init__(self, site: Site, gateway: Gateway, remote: Remote, faults: list[Fault], tell: Any) -> None:
        self._site, self._gateway, self._remote, self._tell = site, gateway, remote, tell
        self._faults = faults
        self.done = 0
        self.skipped = 0
        self.problems: list[str] = []
        self._thread = threading.Thread(target=self._run)
        self._began = time.monotonic()

    def start(self) -> None:
        """Begin; time counts from here."""
        self._began = time.monotonic()
        self._thread.start()

    def join(self) -> None:
        """Wait until the last fault is applied."""
        self._thread.join()

    def _run(self) -> None:
        for fault in self._faults:
            time.sleep(max(0.0, self._began + fault.at - time.monotonic()))
            self._tell(f"{fault.at:7.1f} s  {fault.server:<9} {fault.kind}")
            try:
                self._apply(fault)
                self.done += 1
            except (OSError, psutil.Error, LookupError) as exc:
                self.skipped += 1  # its process was just gone
                self._tell(f"           not applied: {exc}")
            except Exception as exc:  # noqa: BLE001 - a soak that does not torment must not pass
                self.problems.append(f"{fault}: {type(exc).__name__}: {exc}")

    def _apply(self, fault: Fault) -> None:
        if fault.server == "gateway":
            self._reload(broken=fault.kind == "broken")
        elif fault.kind == "down":
            self._remote.down()
        elif fault.kind in {"kill", "stop"}:
            number = signal.SIGKILL if fault.kind == "kill" else signal.SIGSTOP
            os.kill(self._pid(fault.server), number)
        else:
            with (self._site.of(fault.server) / "commands.txt").open("a") as commands:
                commands.write(f"{fault.kind}\n")

    def _pid(self, name: str) -> int:
        """One of the processes of a server that run now."""
        daemon = psutil.Process(self._gateway.pid())
        named = [
            child.pid
            for child in daemon.children()
            if child.status() != psutil.STATUS_ZOMBIE and child.environ().get("MCP_GATEWAY_CHILD") == name
        ]
        if not named:
            raise LookupError(f"no process of {name} now")
        return named[0]

    def _reload(self, *, broken: bool) -> None:
        file = self._site.folder / "config.toml"
        good = self._site.config()
        file.write_text(good + ("colour = 3\n" if broken else f"# {time.monotonic()}\n"))
        assert self._gateway.process is not None
        self._gateway.process.send_signal(signal.SIGHUP)
        if broken:
            time.sleep(1.0)
            file.write_text(good)


@contextmanager
def _standing(folder: Path) -> Iterator[tuple[Site, Gateway, Remote]]:
    site = Site(folder)
    remote = Remote(site)
    file = folder / "config.toml"
    file.write_text(site.config())
    state = folder / "state"
    gateway = Gateway(state, free_port(), ["--config", str(file)], clean_environment(state))
    try:
        gateway.start()
        for name in TARGETS:
            if name not in {"gateway", "own"}:
                wait_until(lambda n=name: gateway.server(n)["tools"] > 0, within=60, what=f"the tools of {name}")
        yield site, gateway, remote
    finally:
        if gateway.process is not None:
            gateway.stop()
        remote.stop()


def soak(folder: Path, *, seed: int, duration_s: float, quiet_s: float = QUIET_S, tell: Any = print) -> Evidence:
    """Run one soak and return what was seen."""
    faults = plan(seed, TARGETS, duration_s, quiet_s)
    tell(f"seed {seed}: {len(faults)} faults in {duration_s:g} s, the last {quiet_s:g} s without")
    samples: list[Sample] = []
    with _standing(folder) as (site, gateway, remote):
        tools = [(f"{name}__work", name) for name in TARGETS if name != "gateway"]
        load = Load(gateway.url, gateway.token, tools, seed)
        tormentor = Tormentor(site, gateway, remote, faults, tell)
        began = time.monotonic()
        load.start()
        tormentor.start()
        while (passed := time.monotonic() - began) < duration_s:
            time.sleep(min(SAMPLE_S, duration_s - passed))
            samples.append(_sample(gateway, time.monotonic() - began))
        tormentor.join()
        load.stop()
        rows = _settled(gateway)
        ledger_rows = _ledger(gateway, len(load.calls))
        status = gateway.stop()
        orphans = _orphans(folder)
        store = _integrity(gateway.state / "gateway.db")
    problems = [*load.problems, *tormentor.problems]
    if tormentor.done < len(faults) * 0.8:
        problems.append(f"only {tormentor.done} of {len(faults)} faults could be applied")
    executed = [token for file in folder.glob("*/executed-*.txt") for token in file.read_text().split()]
    return Evidence(load.calls, executed, rows, samples, orphans, store, ledger_rows, status, problems)


def _sample(gateway: Gateway, at: float) -> Sample:
    daemon = psutil.Process(gateway.pid())
    tasks = int(gateway.metric("mcp_gateway_tasks"))
    return Sample(at, daemon.num_fds(), tasks, daemon.memory_info().rss)


def _settled(gateway: Gateway) -> list[dict[str, Any]]:
    """The rows at the end of the quiet time; nothing is waited for: a minute was enough."""
    return list(gateway.status()["servers"])


def _ledger(gateway: Gateway, calls: int) -> int:
    """How many calls the ledger holds, once what was told last is written (200 ms)."""

    def count() -> int:
        with sqlite3.connect(f"file:{gateway.state / 'gateway.db'}?mode=ro", uri=True) as db:
            return int(db.execute("SELECT count(*) FROM calls").fetchone()[0])

    end = time.monotonic() + 5
    while count() < calls and time.monotonic() < end:
        time.sleep(0.1)
    return count()


def _orphans(folder: Path) -> list[str]:
    """Processes of our servers that are still there two seconds after the gateway's end."""
    end = time.monotonic() + ORPHAN_S
    while (left := _marked(folder)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def _marked(folder: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {' '.join(process.cmdline())[:80]}")
        except (psutil.Error, OSError):
            continue
    return found


def _integrity(path: Path) -> list[str]:
    with sqlite3.connect(path) as db:
        return [row[0] for row in db.execute("PRAGMA integrity_check")]
