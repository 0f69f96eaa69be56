"""SIGKILL of the gateway at random moments under load: what is left, and what the store still knows."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.harness import SERVERS, Gateway, clean_environment, free_port
from tests.soak.load import Load

HERE = Path(__file__).parent
MARK = "SOAK_FOLDER"
LEFT_S = 2.0
"""The promise: two seconds after the end of the daemon or its keeper nothing of it lives."""

LONGEST_S = 4.0
"""Kills come up to this long after the start: while it starts, while servers shake hands, and under load."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: after so many seconds of life, of whom."""

    after_s: float
    victim: str  # daemon | keeper


def moments(seed: int, count: int) -> list[Kill]:
    """When and who, decided by the seed alone."""
    rng = random.Random(seed)
    return [Kill(round(rng.uniform(0.05, LONGEST_S), 3), rng.choice(("daemon", "keeper"))) for _ in range(count)]


def config(folder: Path) -> str:
    """Two servers with `work`, and one whose descendants left its session."""
    (folder / "legacy").mkdir(exist_ok=True)
    blocks = []
    for name, script in (("legacy", HERE / "server.py"), ("brood", SERVERS / "brood.py")):
        given = ["--name", name, "--folder", str(folder / "legacy")] if name == "legacy" else []
        command = json.dumps([sys.executable, str(script), *given])
        env = f"env = {{ {MARK} = {json.dumps(str(folder))} }}"
        blocks.append(f'[[server]]\nname = "{name}"\ncommand = {command}\n{env}\n')
    return "\n".join(blocks)


def kill_series(folder: Path, *, seed: int, count: int, tell: Any = print) -> list[str]:
    """Carry out so many kills and return what went wrong."""
    (folder / "config.toml").write_text(config(folder))
    state = folder / "state"
    gateway = Gateway(state, free_port(), ["--config", str(folder / "config.toml")], clean_environment(state))
    problems: list[str] = []
    tell(f"seed {seed}: {count} kills")
    for number, kill in enumerate(moments(seed, count)):
        problems += [f"kill {number} ({kill}): {one}" for one in _one(gateway, folder, kill, seed + number)]
    gateway.start()  # and it comes up whole
    gateway.wait_ready("legacy", "brood")
    status = gateway.stop()
    return [*problems, *([] if status == 0 else [f"it ended with status {status}"])]


def _one(gateway: Gateway, folder: Path, kill: Kill, seed: int) -> list[str]:
    """Start, load, kill, look."""
    (gateway.state / "daemon.json").unlink(missing_ok=True)
    gateway.launch()
    began = time.monotonic()
    load: Load | None = None
    while time.monotonic() - began < kill.after_s:
        if load is None and (gateway.state / "daemon.json").exists():
            load = Load(gateway.url, gateway.token, [("legacy__work", "legacy")], seed, clients=3)
            load.start()
        time.sleep(0.01)
    processes = _family(gateway)
    victim = gateway.process.pid if kill.victim == "keeper" or len(processes) < 2 else processes[1].pid  # type: ignore[union-attr]
    committed = _rows(gateway.state)
    os.kill(victim, signal.SIGKILL)
    if load is not None:
        load.stop()  # what it asks now is refused: that is expected here
    left = _left(processes, folder)
    gateway.process.wait(timeout=30)  # type: ignore[union-attr]
    gateway.process = None
    gone = committed - _rows(gateway.state)
    lost = [f"{len(gone)} committed calls are gone"] if gone else []
    return [*(f"left over: {one}" for one in left), *lost, *_damage(gateway.state / "gateway.db")]


def _family(gateway: Gateway) -> list[psutil.Process]:
    """The keeper, the daemon, and everything below them, in this order."""
    assert gateway.process is not None
    keeper = psutil.Process(gateway.process.pid)
    below = keeper.children(recursive=True)
    daemons = [process for process in below if process.ppid() == keeper.pid]
    return [keeper, *daemons, *(process for process in below if process not in daemons)]


def _left(processes: list[psutil.Process], folder: Path) -> list[str]:
    """What lives on two seconds later: of the family, and of whoever carries our mark."""
    end = time.monotonic() + LEFT_S
    while (left := [*_living(processes), *_marked(folder)]) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def _living(processes: list[psutil.Process]) -> list[str]:
    found = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {process.name()}")
        except psutil.Error:
            continue
    return found


def _marked(folder: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} marked")
        except (psutil.Error, OSError):
            continue
    return found


def _rows(state: Path) -> set[str]:
    """The calls that are committed."""
    path = state / "gateway.db"
    if not path.exists():
        return set()
    with sqlite3.connect(path) as db:
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return {row[0] for row in db.execute("SELECT call_id FROM calls")} if "calls" in tables else set()


def _damage(path: Path) -> list[str]:
    if not path.exists():
        return []
    with sqlite3.connect(path) as db:
        said = [row[0] for row in db.execute("PRAGMA integrity_check")]
    return [] if said == ["ok"] else [f"the store is damaged: {said[:3]}"]
