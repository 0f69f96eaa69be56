"""Carries plans out: one server at a time per name, all or nothing, nothing lost when it fails or is killed."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import anyio
import msgspec
import structlog

from gateway.clock import Clock
from gateway.errors import InstallError, NotFound
from gateway.install.build import Built, Site
from gateway.install.bundles.bundle import build_bundle
from gateway.install.content import ContentStore, Switched
from gateway.install.packages.npm import build_npm
from gateway.install.packages.pypi import build_pypi
from gateway.install.planning.blueprint import BundleSource, InstallPlan, PackageSource, RemoteSource
from gateway.install.planning.machine import Machine
from gateway.install.ports import Fetch, Progress
from gateway.install.probes import probe_machine
from gateway.install.secrets import SecretStore
from gateway.model import LaunchSpec, ServerName, ServerSpec

_log = structlog.get_logger("install")


class InstallResult(msgspec.Struct, frozen=True):
    """What an installation left: ready to be stored and started; holds no secret value."""

    spec: ServerSpec
    sha256: str | None
    version: str | None
    files: str | None  # name of the content folder
    settings: dict[str, Any]
    secret_keys: tuple[str, ...]
    from_ref: str
    warnings: tuple[str, ...] = ()
    allow_fresh: bool = False


def _silent(_: dict[str, Any]) -> None:
    return


class Installer:
    """Installs servers below one state directory. Different names install side by side, up to `parallel`."""

    def __init__(
        self,
        state_root: Path,
        fetcher: Fetch,
        clock: Clock,
        *,
        timeout_s: float = 600.0,
        parallel: int = 2,
        environ: Mapping[str, str] | None = None,
        machine: Machine | None = None,
    ) -> None:
        self.store = ContentStore(state_root.absolute())
        self.secrets = SecretStore(state_root.absolute() / "secrets")
        self._fetcher = fetcher
        self._clock = clock
        self._timeout_s = timeout_s
        self._environ = dict(os.environ if environ is None else environ)
        self._machine = machine
        self._machine_lock = anyio.Lock()
        self._names: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._last: dict[ServerName, Switched] = {}
        self._slots = anyio.CapacityLimiter(max(1, parallel))

    async def machine(self) -> Machine:
        """What this machine has to run servers with; looked at once."""
        async with self._machine_lock:
            if self._machine is None:
                self._machine = await probe_machine(self._environ)
            return self._machine

    def forget_machine(self) -> None:
        """Look again at the next question: somebody may have installed node meanwhile."""
        self._machine = None

    async def install(self, plan: InstallPlan, progress: Progress | None = None) -> InstallResult:
        """Carry out a plan. Until the very end nothing of an earlier installation of that name is touched.

        Raises: InstallError, RefusedByPolicy, UsageError, NotFound.
        """
        async with self._names[plan.name], self._slots:
            site = Site(
                store=self.store,
                machine=await self.machine(),
                environ=self._environ,
                fetch=self._fetcher,
                timeout_s=self._timeout_s,
                progress=progress or _silent,
                now=self._clock.wall(),
            )
            started = self._clock.now()
            result = await self._carry_out(plan, site)
            _log.info(
                "server_installed",
                server=plan.name,
                reference=plan.from_,
                version=result.version,
                sha256=result.sha256,
                allow_fresh=result.allow_fresh,
                duration_s=round(self._clock.now() - started, 3),
            )
            site.report("done", f"{plan.name} is installed", 1, 1)
            return result

    async def _carry_out(self, plan: InstallPlan, site: Site) -> InstallResult:
        match plan.source:
            case PackageSource(registry="npm") as source:
                built = await build_npm(plan, source, site)
            case PackageSource(registry="pypi") as source:
                built = await build_pypi(plan, source, site)
            case BundleSource() as source:
                built = await build_bundle(plan, source, site)
            case RemoteSource(launch=launch):
                result = _result(plan, launch, None)
                await anyio.to_thread.run_sync(self._commit, plan, result, dict(plan.given_secrets))
                return result
            case _:
                raise InstallError(f"{plan.from_} cannot be installed", step="check")
        result = _result(plan, built.launch, built)
        await anyio.to_thread.run_sync(self._commit, plan, result, dict(built.secrets))
        return result

    def _commit(self, plan: InstallPlan, result: InstallResult, secrets: Mapping[str, str]) -> None:
        """The last steps, each atomic; what runs now keeps running whichever of them is the last that happens."""
        try:
            self.store.private_folder(plan.name, _folders(plan))
            for key, value in secrets.items():
                self.secrets.set(plan.name, key, value)
            self._last[plan.name] = self.store.switch(plan.name, result.files, msgspec.json.encode(result))
        except OSError as exc:
            raise InstallError(
                f"{plan.name} could not be put in place: {exc.strerror or exc}", step="switch", fix="Check the disk."
            ) from exc

    async def undo(self, name: ServerName) -> None:
        """Take back the last installation of this name by this installer, because it does not start after all.

        The one before is in use again; without one, the server is forgotten. An installation that changed nothing
        is not undone: what ran before ran from the same files.
        """
        match self._last.pop(name, Switched.SAME):
            case Switched.FIRST:
                await self.remove(name)
            case Switched.REPLACED:
                await self.rollback(name)

    async def rollback(self, name: ServerName) -> InstallResult:
        """Go back to what was installed under this name before; a second roll-back goes forth again.

        Raises: NotFound.
        """
        async with self._names[name]:
            record = await anyio.to_thread.run_sync(self.store.swap, name)
        if record is None:
            raise NotFound(f"there is no earlier installation of {name}", fix="See `mcp-gateway list`.")
        return msgspec.json.decode(record, type=InstallResult)

    async def remove(self, name: ServerName, *, data: bool = False) -> None:
        """Forget a server: its links, its secrets, and with `data` its private folder. Unknown names are fine.

        Its files go at the next `collect`.
        """
        async with self._names[name]:
            await anyio.to_thread.run_sync(lambda: self.store.forget(name, data=data))
            await anyio.to_thread.run_sync(self.secrets.remove_all, name)

    async def collect(self, keep: Collection[str]) -> list[str]:
        """Delete leftovers of killed installations and content nobody uses; call it when no installation runs.

        `keep` are the content folders that the store's installed servers name.
        """
        return await anyio.to_thread.run_sync(self.store.collect, keep)


def _folders(plan: InstallPlan) -> tuple[str, ...]:
    """The folders below `${data}` that a launch names and that must exist before it starts."""
    marker = "${data}/"
    named = [argument.removeprefix(marker) for argument in plan.arguments if argument.startswith(marker)]
    return tuple(part for part in named if ".." not in part.split("/") and "." not in part)


def _result(plan: InstallPlan, launch: LaunchSpec, built: Built | None) -> InstallResult:
    version = built.version if built else plan.version
    return InstallResult(
        spec=ServerSpec(
            name=plan.name,
            from_=_pinned(plan, version),
            origin=plan.origin,
            launch=launch,
            version=version,
            description=plan.description,
        ),
        sha256=built.sha256 if built else None,
        version=version,
        files=built.digest if built else None,
        settings=dict(built.settings if built else plan.settings),
        secret_keys=built.secret_keys if built else plan.secret_keys,
        from_ref=plan.from_,
        warnings=(*plan.warnings, *(built.warnings if built else ())),
        allow_fresh=plan.rules.allow_fresh,
    )


def _pinned(plan: InstallPlan, version: str | None) -> str:
    """Spell where the server came from, with the version that was chosen for a package named without one."""
    source = plan.source
    if isinstance(source, PackageSource) and source.version is None and version is not None:
        named = plan.from_.startswith((f"npm:{source.package}", f"pypi:{source.package}"))
        return plan.from_ + (("@" if source.registry == "npm" else "==") + version if named else "")
    return plan.from_
