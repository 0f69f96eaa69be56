"""Carries plans out: fetches what a plan names, and puts in place what the store says. Never the other way round.

An installation becomes true by one transaction of the store (the caller's). What comes before it, `fetch` and `stage`,
changes nothing that runs; what comes after it, `settle`, may be repeated after a kill until it is done.
"""

from __future__ import annotations

import os
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import msgspec
import structlog

from gateway.clock import Clock
from gateway.errors import GatewayError, InstallError, UsageError
from gateway.install.build import Built, Site
from gateway.install.bundles.bundle import build_bundle
from gateway.install.containers.docker import build_container, sweep_containers
from gateway.install.content import Collected, ContentStore, Reached, nothing_reached
from gateway.install.packages.npm import build_npm
from gateway.install.packages.pypi import build_pypi
from gateway.install.planning.blueprint import BundleSource, ImageSource, InstallPlan, PackageSource, RemoteSource
from gateway.install.planning.machine import Machine
from gateway.install.ports import Fetch, Progress
from gateway.install.probes import probe_machine
from gateway.install.reaching import explained
from gateway.install.secrets.credentials import CredentialSecrets
from gateway.install.secrets.store import open_secrets
from gateway.model import LaunchSpec, ServerName, ServerSpec

STAGED = "staged-"
NOTHING_COLLECTED = Collected((), 0)
_log = structlog.get_logger("install")


class InstallResult(msgspec.Struct, frozen=True):
    """What an installation fetched: ready to be stored and started; holds no secret value."""

    spec: ServerSpec
    sha256: str | None
    version: str | None
    files: str | None  # name of the content folder
    settings: dict[str, Any]
    secret_keys: tuple[str, ...]
    from_ref: str
    warnings: tuple[str, ...] = ()
    allow_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a plan came to, and the secrets that came with it."""

    result: InstallResult
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@contextmanager
def _on_disk(what: str) -> Iterator[None]:
    """A disk that is full, or refuses, fails this one piece of work and no more."""
    try:
        yield
    except OSError as exc:
        raise InstallError(
            f"{what} cannot be written or read: {exc.strerror or exc}",
            step="disk",
            fix="Free disk space, or check the permissions of the state directory.",
        ) from exc


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
        keep_secrets: str = "files",
        reached: Reached = nothing_reached,
    ) -> None:
        self.store = ContentStore(state_root.absolute(), reached)
        self.reached = reached
        self._fetcher = fetcher
        self._clock = clock
        self._timeout_s = timeout_s
        self._environ = dict(os.environ if environ is None else environ)
        self.secrets = open_secrets(state_root.absolute() / "secrets", kind=keep_secrets, environ=self._environ)
        self._machine = machine
        self._machine_lock = anyio.Lock()
        self._names: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._slots = anyio.CapacityLimiter(max(1, parallel))
        self._working = 0
        self._is_collecting = anyio.Lock()

    async def machine(self) -> Machine:
        """What this machine has to run servers with; looked at once."""
        async with self._machine_lock:
            if self._machine is None:
                self._machine = await probe_machine(self._environ)
            return self._machine

    def forget_machine(self) -> None:
        """Look again at the next question: somebody may have installed node meanwhile."""
        self._machine = None

    @asynccontextmanager
    async def working(self, name: ServerName, *, wait: bool = True) -> AsyncIterator[None]:
        """Have a name to oneself from its fetch to its last step; content that nobody names yet stays meanwhile.

        Raises: GatewayError when somebody works on it and `wait` is not set.
        """
        lock = self._names[name]
        if not wait and lock.locked():
            raise GatewayError(
                f"{name} is being installed or changed just now", fix="Try again when that is done.", code="busy"
            )
        async with lock:
            async with self._is_collecting:  # a collection is short, and must not meet half an installation
                self._working += 1
            try:
                yield
            finally:
                self._working -= 1

    async def fetch(self, plan: InstallPlan, progress: Progress | None = None) -> Fetched:
        """Fetch what a plan names, within `working`. Nothing that is installed is touched.

        Raises: InstallError, RefusedByPolicy, UsageError, NotFound.
        """
        if progress is not None and self._slots.available_tokens < 1:
            progress({"step": "wait", "message": "other installations go first", "done": None, "total": None})
        async with self._slots:
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
            with _on_disk(f"the files of {plan.name}"):
                fetched = await self._carry_out(plan, site)
            _log.info(
                "server_fetched",
                server=plan.name,
                reference=plan.from_,
                version=fetched.result.version,
                sha256=fetched.result.sha256,
                allow_fresh=fetched.result.allow_fresh,
                duration_s=round(self._clock.now() - started, 3),
            )
            return fetched

    async def _carry_out(self, plan: InstallPlan, site: Site) -> Fetched:
        match plan.source:
            case PackageSource() as source:
                built = await self._package(plan, source, site)
            case BundleSource() as source:
                built = await build_bundle(plan, source, site)
            case ImageSource() as source:
                built = await build_container(plan, source, site)
            case RemoteSource(launch=launch):
                await anyio.to_thread.run_sync(self._make_home, plan)
                return Fetched(_result(plan, launch, None), dict(plan.given_secrets))
            case _:
                raise InstallError(f"{plan.from_} cannot be installed", step="check")
        await anyio.to_thread.run_sync(self._make_home, plan)
        return Fetched(_result(plan, built.launch, built), dict(built.secrets))

    async def _package(self, plan: InstallPlan, source: PackageSource, site: Site) -> Built:
        builders = {"npm": build_npm, "pypi": build_pypi}
        if source.registry not in builders:
            raise InstallError(f"{plan.from_} cannot be installed", step="check")
        try:
            return await builders[source.registry](plan, source, site)
        except InstallError as exc:
            told = await explained(exc, source.registry, self._environ)
            if told is exc:
                raise
            raise told from exc

    def _make_home(self, plan: InstallPlan) -> None:
        try:
            self.store.prepare()
            self.store.private_folder(plan.name, _folders(plan))
        except OSError as exc:
            raise InstallError(
                f"the private folder of {plan.name} cannot be made: {exc.strerror or exc}",
                step="prepare",
                fix="Check the disk.",
            ) from exc
        self.reached("home")

    async def stage(self, name: ServerName, given: Mapping[str, str]) -> str:
        """Keep secrets that are new or changed under a name of their own, until their server's row is committed.

        Returns that name, "" when there was nothing to keep.

        Raises: UsageError for a value that cannot be kept, or that systemd gives; GatewayError, InstallError.
        """
        with _on_disk(f"the secrets of {name}"):
            return await anyio.to_thread.run_sync(self._stage, name, dict(given))

    def _stage(self, name: ServerName, given: Mapping[str, str]) -> str:
        kept = self.secrets.kept(name)
        changed = {key: value for key, value in given.items() if kept.get(key) != value}
        if not changed:
            return ""
        place = STAGED + secrets.token_hex(6)
        owned = {key for key, kind in self.secrets.places(name).get(name, {}).items() if kind == CredentialSecrets.kind}
        if taken := sorted(owned & changed.keys()):
            raise UsageError(
                f"{', '.join(taken)} of {name} is given by systemd, which would win",
                fix=f"Change the credential secret.{name}.{taken[0]} of the unit.",
            )
        for key, value in changed.items():
            self.secrets.set(place, key, value)
        self.reached("staged")
        return place

    async def unstage(self, place: str) -> None:
        """Forget staged secrets: their installation did not come to be."""
        if place:
            await anyio.to_thread.run_sync(self.secrets.remove_all, place)

    async def settle(self, name: ServerName, files: str | None, staged: str = "") -> None:
        """Let secrets and links follow a committed row. What was done already is not done again.

        Raises: InstallError; GatewayError when secrets cannot be kept.
        """
        with _on_disk(f"the secrets of {name}"):
            await anyio.to_thread.run_sync(self._settle, name, files, staged)

    def _settle(self, name: ServerName, files: str | None, staged: str) -> None:
        if staged:
            for key, value in self.secrets.kept(staged).items():
                self.secrets.set(name, key, value)
            self.reached("secrets")
            self.secrets.remove_all(staged)
        try:
            self.store.point(name, files)
        except OSError as exc:
            raise InstallError(
                f"{name} could not be put in place: {exc.strerror or exc}", step="switch", fix="Check the disk."
            ) from exc
        self.reached("linked")

    async def remove(self, name: ServerName, *, data: bool = False) -> None:
        """Forget a server's secrets and link, and with `data` its private folder. Unknown names are fine.

        Its files go at the next `collect`.
        """
        await anyio.to_thread.run_sync(self.secrets.remove_all, name)
        self.reached("secrets")
        with _on_disk(f"the files of {name}"):
            await anyio.to_thread.run_sync(lambda: self.store.forget(name, data=data))
        self.reached("unlinked")

    async def sweep_containers(self, name: ServerName | None = None) -> int:
        """Remove containers that killed children left with the engine; call it while none of them shall run."""
        return await sweep_containers(await self.machine(), self._environ, self.store.content.parent, name)

    async def sweep(self, names: Collection[str], staged: Collection[str]) -> None:
        """Delete what killed installations left beside the content; `names` have a row, `staged` belong to one."""
        await anyio.to_thread.run_sync(self._sweep, names, staged)

    def _sweep(self, names: Collection[str], staged: Collection[str]) -> None:
        self.store.prune(names)
        for place in self.secrets.list():
            if place.startswith(STAGED) and place not in staged:
                self.secrets.remove_all(place)

    async def collect(self, keep: Callable[[], Awaitable[Collection[str]]]) -> Collected:
        """Delete content that nobody names; `keep` is asked for what the store's servers name.

        While an installation is under way nothing is deleted: the next collection does it.
        """
        async with self._is_collecting:
            if self._working:
                return NOTHING_COLLECTED
            collected = await anyio.to_thread.run_sync(self.store.collect, await keep())
        if collected.names:
            _log.info("content_collected", count=len(collected.names), freed_bytes=collected.freed_bytes)
        return collected


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
        files=(built.digest or None) if built else None,  # an image's files are the engine's
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
