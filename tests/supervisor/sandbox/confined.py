"""A state directory full of canaries, and a supervisor that confines what is installed in it."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio

from gateway.clock import SystemClock
from gateway.model import HealthPolicy, Origin, SandboxPolicy, ServerName, ServerSpec, StdioLaunch
from gateway.supervisor.sandbox.confiner import Confiner
from gateway.supervisor.sandbox.deciding import Ability, Host
from gateway.supervisor.sandbox.places import Layout
from gateway.supervisor.sandbox.probing import probe_host
from gateway.supervisor.supervisor import Supervisor
from tests.supervisor.running import QUICK, SERVERS, Heard, call

AUTO = SandboxPolicy()
CANARY = "canary-that-nobody-may-read"
DIGEST, OTHER_DIGEST = "a" * 64, "b" * 64
SECRET_FILES = (
    "state/token",
    "state/admin-token",
    "state/session.key",
    "state/daemon.json",
    "state/gateway.db",
    "state/secrets/other/API_KEY",
    "state/data/other/notes",
    f"state/content/{OTHER_DIGEST}/settings",
    "home/.ssh/id_ed25519",
    "etc/config.toml",
)


@dataclass(frozen=True)
class Site:
    """Where everything lies."""

    root: Path

    @property
    def state(self) -> Path:
        """The gateway's state directory."""
        return self.root / "state"

    @property
    def content(self) -> Path:
        """The installed package of the server `spy`."""
        return self.state / "content" / DIGEST

    @property
    def layout(self) -> Layout:
        """What the confiner is told."""
        ours = {"HOME": str(self.root / "home"), "PATH": os.environ["PATH"]}
        return Layout(self.state, (self.root / "etc" / "config.toml",), ours)

    def data(self, name: str = "spy") -> Path:
        """A server's own folder."""
        return self.state / "data" / name


def build(root: Path) -> Site:
    """Make the folders, the canaries, and the package."""
    for name in SECRET_FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CANARY)
    site = Site(root)
    site.content.mkdir(parents=True)
    for name in ("spy.py", "spy.mjs", "speaking.py"):
        shutil.copy(SERVERS / name, site.content / name)
    return site


def installed(
    site: Site,
    *argv: str,
    name: str = "spy",
    policy: SandboxPolicy = AUTO,
    env: Mapping[str, str] | None = None,
    from_: str = "pypi:spy==1",
    cwd: str | None = None,
    granted: tuple[str, ...] = (),
    stop_timeout_sec: float = 2.0,
) -> ServerSpec:
    """A server as an installation leaves it; without `argv` the spy."""
    data = str(site.data(name))
    if from_ != "command":
        Path(data, "tmp").mkdir(parents=True, exist_ok=True)
    own = {"PATH": "/usr/bin:/bin", "HOME": data, "TMPDIR": f"{data}/tmp", "LANG": "C.UTF-8"}
    return ServerSpec(
        name=ServerName(name),
        from_=from_,
        origin=Origin.CLI,
        launch=StdioLaunch(
            argv or (sys.executable, str(site.content / "spy.py")),
            {**(own if from_ != "command" else {}), **(env or {})},
            cwd or (None if from_ == "command" else data),
            granted,
        ),
        sandbox=policy,
        restart=QUICK,
        health=HealthPolicy(start_timeout_sec=40, stop_timeout_sec=stop_timeout_sec),
    )


@asynccontextmanager
async def confined(
    site: Site, *specs: ServerSpec, host: Host | None = None, secrets: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Supervisor, Heard]]:
    """A running supervisor that confines; `host` replaces what this machine can."""

    async def probe() -> Host:
        return host if host is not None else await probe_host()

    heard = Heard()
    confiner = Confiner(site.layout, is_container=lambda _: False, probe=probe)
    supervisor = Supervisor(
        clock=SystemClock(),
        publish=heard,
        rng=random.Random(1),
        secrets=lambda name: (secrets or {}) if name == "other" else {},
        version="0.0-test",
        confine=confiner,
        confinement=confiner.row,
    )
    async with anyio.create_task_group() as tasks:
        await tasks.start(supervisor.run)
        await supervisor.apply(list(specs))
        yield supervisor, heard
        tasks.cancel_scope.cancel()


async def look(supervisor: Supervisor, server: str = "spy", **asked: Sequence[Any]) -> dict[str, dict[str, str]]:
    """Let the spy try things."""
    said = await call(supervisor, server, "look", text=json.dumps(asked))
    return dict(json.loads(said))


async def without_bwrap() -> Host:
    """This machine, were bwrap not installed."""
    found = await probe_host()
    missing = Ability(False, "it is not installed", "Install it.")
    return replace(found, bwrap=missing, namespaces=(), bwrap_path="")
