"""A whole installer on a temporary state directory, for the tests that really install."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.clock import Clock, SystemClock
from gateway.install.installer import Installer, InstallResult
from gateway.install.planning.blueprint import InstallPlan
from gateway.install.planning.machine import Machine
from gateway.install.planning.plan import make_plan
from gateway.install.planning.references import parse_reference
from gateway.install.planning.rules import Rules
from gateway.listing import Listing
from gateway.model import ServerName
from gateway.net import Fetcher, guarded_client


@dataclass
class Workshop:
    """An installer and what it told while working."""

    installer: Installer
    clock: Clock
    machine: Machine
    told: list[dict[str, Any]] = field(default_factory=list)

    def plan(self, target: str | Listing, name: str = "thing", settings: Any = None, **more: Any) -> InstallPlan:
        """Plan by reference or listing."""
        found = parse_reference(target) if isinstance(target, str) else target
        wish: dict[str, Any] = {"machine": self.machine, "rules": Rules(), "now": self.clock.wall()} | more
        return make_plan(found, name=name, settings=settings or {}, **wish)

    async def install(self, target: str | Listing, name: str = "thing", **more: Any) -> InstallResult:
        """Plan, fetch, and put in place, as if the row had been committed."""
        installer, given = self.installer, ServerName(name)
        async with installer.working(given):
            fetched = await installer.fetch(self.plan(target, name, **more), self.told.append)
            staged = await installer.stage(given, fetched.secrets)
            await installer.settle(given, fetched.result.files, staged)
        return fetched.result

    @property
    def steps(self) -> list[str]:
        """The steps told so far, each once."""
        return list(dict.fromkeys(told["step"] for told in self.told))


@asynccontextmanager
async def workshop(
    root: Path,
    *,
    trusted: tuple[str, ...] = (),
    environ: Mapping[str, str] | None = None,
    tokens: Mapping[str, Mapping[str, str]] | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Workshop]:
    """An installer below `root`, reaching `trusted` origins as well."""
    clock = clock or SystemClock()
    async with guarded_client(trusted_origins=trusted) as client:
        fetcher = Fetcher(client, origin_headers=lambda: tokens or {})
        installer = Installer(root, fetcher, clock, environ=os.environ if environ is None else environ, timeout_s=240.0)
        yield Workshop(installer, clock, await installer.machine())
