"""What the builders (npm, PyPI, bundle, container) share: where they work, how they report, what they deliver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from gateway.errors import InstallError
from gateway.install.containers.commands import client_variables
from gateway.install.content import ContentStore, Receipt
from gateway.install.planning.blueprint import InstallPlan
from gateway.install.planning.environment import child_environment, installer_environment
from gateway.install.planning.machine import Machine
from gateway.install.ports import Fetch, Progress
from gateway.install.record import runtimes_of, write_record
from gateway.install.runner import Finished, run
from gateway.model import StdioLaunch

# A network that is away is known after seconds, not after npm's usual minutes; the operator's own words win.
_IMPATIENT = {
    "npm_config_fetch_retries": "1",
    "npm_config_fetch_retry_mintimeout": "200",
    "npm_config_fetch_retry_maxtimeout": "1000",
    "UV_HTTP_RETRIES": "2",  # one hiccup among fifty wheels must not fail them all; without a network it costs 3 s
}


@dataclass(frozen=True, slots=True)
class Built:
    """Installed files and how to start them."""

    digest: str
    sha256: str  # of what was fetched: a bundle's hash, or the digest of the lock
    version: str
    launch: StdioLaunch
    warnings: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # values to be put into the secret store
    secret_keys: tuple[str, ...] = ()


class Site:
    """One installation's surroundings."""

    def __init__(
        self,
        *,
        store: ContentStore,
        machine: Machine,
        environ: Mapping[str, str],
        fetch: Fetch,
        timeout_s: float,
        progress: Progress,
        now: float,
    ) -> None:
        self.store = store
        self.machine = machine
        self.fetch = fetch
        self.now = now
        self.docker_variables = client_variables(environ)
        self._environ = _IMPATIENT | installer_environment(environ)
        self._timeout_s = timeout_s
        self._progress = progress

    def report(self, step: str, message: str, done: int | None = None, total: int | None = None) -> None:
        """Tell whoever watches."""
        self._progress({"step": step, "message": message, "done": done, "total": total})

    async def run(
        self, step: str, argv: Sequence[str], cwd: Path, *, check: bool = True, more: Mapping[str, str] | None = None
    ) -> Finished:
        """Run one command of the plan in the work folder; `more` are variables beside the usual ones.

        Raises: InstallError.
        """
        return await run(
            step, argv, cwd=cwd, env={**self._environ, **(more or {})}, timeout_s=self._timeout_s, check=check
        )

    def _write_record(self, work: Path) -> None:
        try:
            write_record(work, runtimes_of(self.machine))
        except OSError as exc:
            raise InstallError(
                f"what was installed could not be written down: {exc.strerror or exc}",
                step="keep",
                fix="Check the disk.",
            ) from exc

    async def keep(self, work: Path, digest: str, receipt: Receipt) -> Path:
        """Move finished work to its final name, off the loop.

        Raises: InstallError.
        """
        self.report("keep", "writing through to the disk")
        await anyio.to_thread.run_sync(self._write_record, work)
        return await anyio.to_thread.run_sync(self.store.keep, work, digest, receipt)


def package_launch(plan: InstallPlan, site: Site, argv: Sequence[str], content: Path) -> StdioLaunch:
    """Finish a package's launch: its arguments and environment with the real folders in them."""
    data = site.store.data / plan.name
    places = {"${content}": str(content), "${data}": str(data)}

    def placed(text: str) -> str:
        for placeholder, real in places.items():
            text = text.replace(placeholder, real)
        return text

    environment = {key: placed(value) for key, value in plan.environment.items()}
    return StdioLaunch(
        argv=(*argv, *(placed(argument) for argument in plan.arguments)),
        env={**child_environment(site.machine, str(data)), **environment},
        cwd=str(data),
        granted=plan.granted,
    )
