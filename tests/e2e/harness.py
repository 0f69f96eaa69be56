"""Runs the real daemon as a user would and talks to it over real HTTP. Not a fake of anything."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).parents[2]
SERVERS = ROOT / "tests" / "servers"
STARTUP_S = 60.0
TOKEN = "agents-token-for-tests"
ADMIN_TOKEN = "admin-token-for-tests"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(question: Any, *, within: float, what: str, every: float = 0.05) -> Any:
    """Ask until the answer is true and return it; fail with `what` when the time is over."""
    end = time.monotonic() + within
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(every)


def clean_environment(state: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a new user's shell would hold, plus the two tokens."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_", "SMITHERY_", "NOTIFY_", "STATE_"))}
    tokens = {"MCP_GATEWAY_TOKEN": TOKEN, "MCP_GATEWAY_ADMIN_TOKEN": ADMIN_TOKEN}
    closed = {"SMITHERY_BASE_URL": "http://127.0.0.1:9", "MCP_REGISTRY_BASE_URL": "http://127.0.0.1:9"}
    return {**kept, **closed, **tokens, "MCP_GATEWAY_STATE": str(state), "PYTHONPATH": str(ROOT), **(extra or {})}


@dataclass
class Gateway:
    """One `mcp-gateway serve` and how to reach it."""

    state: Path
    port: int
    arguments: list[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.state.parent / f"{self.state.name}.log"

    @property
    def url(self) -> str:
        """The MCP endpoint."""
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def token(self) -> str:
        """The agents' token."""
        return self.environment["MCP_GATEWAY_TOKEN"]

    def start(self, *, ready: bool = True) -> None:
        """Start the daemon and wait until it answers (or is ready)."""
        self.launch()
        wait_until(lambda: self._answers("/readyz" if ready else "/healthz"), within=STARTUP_S, what=self.log_tail())

    def launch(self) -> None:
        """Start the daemon and wait for nothing."""
        command = [sys.executable, "-m", "gateway", "serve", "--state-dir", str(self.state), "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.arguments], env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _answers(self, path: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the daemon ended: {self.log_tail()}"
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def log_tail(self) -> str:
        """The last lines that the daemon printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:]) if self.log.exists() else "(no log)"

    def pid(self) -> int:
        """The daemon's own pid (not its keeper's)."""
        return int(json.loads((self.state / "daemon.json").read_text())["pid"])

    def tree(self) -> list[psutil.Process]:
        """Every process that belongs to it now: keeper, daemon, children, their children."""
        assert self.process is not None
        keeper = psutil.Process(self.process.pid)
        return [keeper, *keeper.children(recursive=True)]

    def stop(self) -> int:
        """Ask it to stop and return the exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        self.process = None
        return status

    def cli(self, *arguments: str, expect: int = 0, timeout: float = 120) -> Any:
        """Run `mcp-gateway ARGUMENTS --json` and return its JSON value."""
        done = self.run_cli(*arguments, "--json", timeout=timeout)
        assert done.returncode == expect, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def run_cli(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run `mcp-gateway ARGUMENTS` as a user would."""
        return subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        """`mcp-gateway status --json`, straight from the API."""
        answer = httpx.get(
            f"http://127.0.0.1:{self.port}/api/v1/status",
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
            timeout=10,
        )
        return dict(answer.raise_for_status().json())

    def metric(self, name: str) -> float:
        """The sum of a metric's samples in `/metrics`."""
        text = httpx.get(
            f"http://127.0.0.1:{self.port}/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=10
        ).text
        lines = [line for line in text.splitlines() if line.startswith((name + "{", name + " "))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def server(self, name: str) -> dict[str, Any]:
        """One server's row of the status."""
        return next((row for row in self.status()["servers"] if row["name"] == name), {})

    def wait_ready(self, *names: str, within: float = 60) -> None:
        """Wait until these servers are ready and their tools are shown (which the store's commit comes before)."""

        def is_ready(name: str) -> bool:
            row = self.server(name)
            return row.get("state") == "ready" and row["tools"] > 0

        for name in names:
            wait_until(lambda n=name: is_ready(n), within=within, what=f"{name} ready", every=0.1)


@contextmanager
def running_gateway(
    folder: Path,
    *,
    servers: Mapping[str, Any] | None = None,
    config: str | None = None,
    environment: Mapping[str, str] | None = None,
    arguments: tuple[str, ...] = (),
    ready: bool = True,
) -> Iterator[Gateway]:
    """Run a daemon with an `{"mcpServers": …}` file, or a config.toml text, or neither; stop it at the end."""
    state = folder / "state"
    given = list(arguments)
    if servers is not None:
        file = folder / "servers.json"
        file.write_text(json.dumps({"mcpServers": servers}))
        given += ["--mcp-servers", str(file)]
    if config is not None:
        file = folder / "config.toml"
        file.write_text(config)
        given += ["--config", str(file)]
    gateway = Gateway(state, free_port(), given, clean_environment(state, environment))
    try:
        gateway.start(ready=ready)
        yield gateway
    finally:
        gateway.stop()


def python_server(script: str, *arguments: str) -> dict[str, Any]:
    """An `mcpServers` entry for one of the little servers in tests/servers."""
    return {"command": sys.executable, "args": [str(SERVERS / script), *arguments]}
