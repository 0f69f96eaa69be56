"""Runs a real `mcp-gateway serve` for the benchmarks, on the loopback, with a state directory of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

ROOT = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, "-m", "gateway")
LEARNER = "gateway.learning.learner"
STARTUP_S = 60.0
STOP_S = 60.0
NOWHERE = "http://127.0.0.1:9"  # registries are not part of any figure, and must not be asked
TOKEN, ADMIN_TOKEN = "agents-token-of-the-benchmark", "admin-token-of-the-benchmark"
OURS = ("MCP_", "SMITHERY_", "NOTIFY_", "STATE_", "CREDENTIALS_")


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running gateway: its endpoint, its pid (not its keeper's), and what its shell held."""

    url: str
    pid: int
    state: Path
    environment: Mapping[str, str]

    def api(self, path: str) -> Any:
        """Ask the administration's API. Raises: OSError, RuntimeError."""
        status, body = _get(self.url, f"/api/v1{path}", ADMIN_TOKEN)
        if status != 200:
            raise RuntimeError(f"{path}: HTTP {status}: {body[:300]!r}")
        return json.loads(body)

    def is_ready(self) -> bool:
        """Whether every server is ready and its tools are on the list."""
        return all(row["state"] == "ready" and row["tools"] for row in self.api("/status")["servers"])


def environment(state: Path, registries: str = NOWHERE) -> dict[str, str]:
    """What a new user's shell would hold, with the registries out of reach (or all at one address)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    tokens = {"MCP_GATEWAY_TOKEN": TOKEN, "MCP_GATEWAY_ADMIN_TOKEN": ADMIN_TOKEN}
    names = ("SMITHERY_BASE_URL", "SMITHERY_CONNECT_BASE_URL", "MCP_REGISTRY_BASE_URL")
    closed = dict.fromkeys(names, registries)
    return {**kept, **closed, **tokens, "MCP_GATEWAY_STATE": str(state), "PYTHONPATH": str(ROOT)}


@contextmanager
def started(state: Path, *arguments: str, registries: str = NOWHERE) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start the gateway and yield its keeper's process and its log at once; stop it at the end."""
    log = state.with_name(f"{state.name}.serve.log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*COMMAND, "serve", *arguments],
            env=environment(state, registries),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process, log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_S)


@contextmanager
def running(state: Path, *arguments: str) -> Iterator[Daemon]:
    """Start the gateway, wait until it and its servers are ready, stop it at the end.

    Raises: RuntimeError with the last lines of its log.
    """
    told = state / "daemon.json"
    told.unlink(missing_ok=True)  # the one of an earlier run would lead us to nobody
    with started(state, "--port", "0", *arguments) as (process, log):
        wait_until(told.exists, process, log)
        found = json.loads(told.read_text(encoding="utf-8"))
        daemon = Daemon(found["url"], int(found["pid"]), state, environment(state))
        wait_until(lambda: _get(daemon.url, "/readyz", "")[0] == 200, process, log)
        wait_until(daemon.is_ready, process, log)
        yield daemon


def wait_until(question: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until the answer is yes. Raises: RuntimeError when the gateway ended or the time is over."""
    end = time.perf_counter() + STARTUP_S
    while not question():
        if process.poll() is not None or time.perf_counter() > end:
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
            raise RuntimeError(f"the gateway did not become ready:\n{tail}")
        time.sleep(0.02)


def cpu_s(pid: int) -> float:
    """Processor time in seconds that a process and its descendants have used, the learner left out.

    The learner works beside the calls, for as long as it likes; what it takes is no part of a call's price.
    """
    process = psutil.Process(pid)
    paid = [one for one in (process, *process.children(recursive=True)) if LEARNER not in one.cmdline()]
    return sum(one.cpu_times().user + one.cpu_times().system for one in paid)


def machine() -> str:
    """This machine in a few words, for the record."""
    return (
        f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {sys.platform}, "
        f"Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}"
    )


def _get(url: str, path: str, token: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except ConnectionError:
        return 0, b""
    finally:
        connection.close()
