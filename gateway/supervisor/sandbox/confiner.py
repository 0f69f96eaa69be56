"""`Confiner`: decides for each start how a server is confined, prepares that, and tells what was decided."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import anyio
import msgspec
import structlog

from gateway.errors import SpawnFailed
from gateway.model import LaunchSpec, RemoteLaunch, ServerName, ServerSpec, StdioLaunch
from gateway.supervisor.processes.orders import Orders, Prepared
from gateway.supervisor.processes.program import find_program
from gateway.supervisor.processes.seccomp import AF_UNIX, OF_A_NETWORK_OF_ITS_OWN
from gateway.supervisor.sandbox import bubblewrap, splitting
from gateway.supervisor.sandbox.deciding import Host, Impossible, Kind, Level, Verdict, decide
from gateway.supervisor.sandbox.machine import machine_places, system_links
from gateway.supervisor.sandbox.places import Layout, environment, reach_of
from gateway.supervisor.sandbox.probing import SCOPES, probe_host
from gateway.supervisor.sandbox.reach import Reach

log = structlog.get_logger("supervisor")

OPERATORS: Final = {"command", "url"}
"""What `ServerSpec.from_` says of servers that nobody installed."""

IsContainer = Callable[[LaunchSpec], bool]


class Confiner:
    """Satisfies `ports.Confine`, and tells `status` about each server."""

    def __init__(
        self, layout: Layout, *, is_container: IsContainer, probe: Callable[[], Awaitable[Host]] = probe_host
    ) -> None:
        self._layout = layout
        self._is_container = is_container
        self._probe = probe
        self._host: Host | None = None
        self._probing = anyio.Lock()
        self._given: dict[ServerName, Reach] = {}

    async def __call__(
        self, spec: ServerSpec, argv: Sequence[str], env: Mapping[str, str], cwd: str | None
    ) -> Prepared:
        """Prepare one start. Raises: SpawnFailed when what its sandbox asks for cannot be had here."""
        verdict = decide(spec.sandbox, self._kind(spec), await self.host())
        if isinstance(verdict, Impossible):
            raise SpawnFailed(spec.name, f"{spec.name} cannot start: {verdict.why}", fix=verdict.fix)
        if verdict.level is Level.NONE or not isinstance(spec.launch, StdioLaunch):
            self._given.pop(spec.name, None)
            return Prepared(tuple(argv))
        program = find_program(spec.name, argv, env, cwd)
        reach = await anyio.to_thread.run_sync(self._reach, spec, spec.launch, program)
        self._given[spec.name] = reach
        if reach.notes:
            log.info("reach_narrowed", server=spec.name, notes=list(reach.notes))
        prepared = await anyio.to_thread.run_sync(self._prepare, verdict, reach, (program, *argv[1:]))
        own = environment(reach, env, self._layout.ours)
        return msgspec.structs.replace(prepared, env=own, cwd=reach.cwd)

    async def host(self) -> Host:
        """What this machine can; asked once, and again when bwrap has appeared."""
        async with self._probing:
            if self._host is None or (not self._host.bwrap_path and shutil.which("bwrap")):
                self._host = await self._probe()
                log.debug("sandbox_probed", bwrap=self._host.bwrap.works, landlock=self._host.landlock_version)
            return self._host

    def row(self, spec: ServerSpec) -> dict[str, Any] | None:
        """What `status` shows of a server; None as long as nobody knows what this machine can."""
        if self._host is None:
            return None
        verdict = decide(spec.sandbox, self._kind(spec), self._host)
        if isinstance(verdict, Impossible):
            return {"level": None, "network": spec.sandbox.network, "why": verdict.why, "given": [], "notes": []}
        reach = self._given.get(spec.name) if verdict.level is not Level.NONE else None
        given, notes = (list(reach.given), list(reach.notes)) if reach is not None else ([], [])
        return {**verdict.to_json(), "given": given, "notes": notes}

    def _kind(self, spec: ServerSpec) -> Kind:
        if isinstance(spec.launch, RemoteLaunch):
            return Kind.REMOTE
        if spec.from_ in OPERATORS:
            return Kind.OWN
        return Kind.CONTAINER if self._is_container(spec.launch) else Kind.INSTALLED

    def _reach(self, spec: ServerSpec, launch: StdioLaunch, program: str) -> Reach:
        is_own = self._kind(spec) is Kind.OWN
        try:
            return reach_of(spec.name, launch, spec.sandbox, self._layout, program, is_own=is_own)
        except OSError as exc:
            raise SpawnFailed(
                spec.name,
                f"{spec.name} cannot start: its own folder cannot be made: {exc.strerror}",
                fix="Check the state directory and the disk.",
            ) from exc

    def _prepare(self, verdict: Verdict, reach: Reach, words: tuple[str, ...]) -> Prepared:
        assert self._host is not None  # noqa: S101 - asked for before; for the type checker
        offline = verdict.network == "none"
        if verdict.level is Level.LANDLOCK:
            return Prepared(words, Orders(landlock=splitting.rules(reach, offline=offline), no_network=offline))
        namespaces = [name for name in self._host.namespaces if name != "net" or offline]
        command = bubblewrap.command(
            self._host.bwrap_path, reach, system_links(), words, namespaces=namespaces, machine=machine_places()
        )
        scopes = SCOPES.landlock if self._host.has_scopes else None
        is_apart = "net" in namespaces
        # A network of its own does not part all families: sockets to the host of a virtual machine are everybody's.
        orders = Orders(
            landlock=scopes,
            no_network=offline and (not is_apart or self._host.filters_sockets.works),
            families=(OF_A_NETWORK_OF_ITS_OWN if is_apart else (AF_UNIX,)) if offline else (),
        )
        return Prepared(tuple(command), orders, is_wrapped=True)
