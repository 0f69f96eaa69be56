"""`Life`: one life of one child, from its connection to its end: handshake, tools, probes, notices. Knows no states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import anyio
import structlog

from gateway.clock import Clock
from gateway.errors import ChildGone, GatewayError, HandshakeFailed
from gateway.facts import Publish, ToolsListed
from gateway.model import ServerSpec, Tool
from gateway.protocol.handshake import Agreed
from gateway.supervisor.calls.traffic import Traffic
from gateway.supervisor.health.prober import Prober
from gateway.supervisor.health.verdict import Health, worst
from gateway.supervisor.ports import Connection, OnNoise, OnTold
from gateway.supervisor.processes.ring import LineRing
from gateway.supervisor.talking.listing_tools import list_tools

log = structlog.get_logger("supervisor")

COALESCE_S: Final = 0.2
"""Servers that load plug-ins tell of each tool's arrival: one look after the last of them is enough."""

LIST_AGAIN_S: Final = 30.0
"""A ready server whose tools could not be listed is asked again after this."""

CHANGED: Final = "notifications/tools/list_changed"


class Connect(Protocol):
    """Makes the connection of one start; the supervisor knows which kind."""

    def __call__(
        self,
        spec: ServerSpec,
        *,
        on_told: OnTold,
        on_trouble: Callable[[], None],
        on_noise: OnNoise,
        stderr: LineRing,
        probe: bool,
    ) -> Connection: ...


class Life:
    """`begin`, then `run` until the other side is gone, then `connection.close`."""

    def __init__(
        self,
        spec: ServerSpec,
        connect: Connect,
        *,
        stderr: LineRing,
        probe: bool,
        clock: Clock,
        publish: Publish,
        on_verdict: Callable[[Health, str], None],
        on_noise: OnNoise = lambda: None,
        traffic: Traffic | None = None,
    ) -> None:
        self._spec = spec
        self._clock = clock
        self._publish = publish
        self._on_verdict = on_verdict
        self._traffic = traffic
        self._changed = anyio.Event()
        self._prober: Prober | None = None
        self._probed: tuple[Health, str] = (Health.HEALTHY, "")
        self._list_problem = ""
        self.skipped_tools = 0
        self.agreed: Agreed | None = None
        self.connection = connect(
            spec, on_told=self._told, on_trouble=self._trouble, on_noise=on_noise, stderr=stderr, probe=probe
        )

    async def begin(self) -> Agreed:
        """Shake hands and list the tools, within the start deadline.

        Raises: SpawnFailed, HandshakeFailed, ChildGone.
        """
        name, timeout_s = self._spec.name, self._spec.health.start_timeout_sec
        with anyio.move_on_after(timeout_s) as deadline:
            self.agreed = await self.connection.open()
            await self._list(self.agreed)
        if self.agreed is None:
            raise HandshakeFailed(
                name, f"{name} was not ready within {timeout_s:g} s", fix=f"See: mcp-gateway logs {name}"
            )
        if deadline.cancelled_caught:
            self._list_problem = f"its tools cannot be listed: no answer within {timeout_s:g} s"
        return self.agreed

    async def run(self, agreed: Agreed) -> None:
        """Watch over it until it is gone."""
        self._prober = Prober(
            self._spec.name,
            self.connection,
            self._spec.health,
            agreed.era,
            clock=self._clock,
            on_verdict=self._probed_as,
            traffic=self._traffic,
            is_throttled=self._spec.limits.cpu_quota is not None,
        )
        if self._traffic is not None:
            self._traffic.on_trouble = self._trouble
            self._traffic.on_change = lambda: self._on_verdict(*self.verdict)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._prober.run)
            tasks.start_soon(self._relist, agreed)
            tasks.start_soon(self._listen)
            await self.connection.gone.wait()
            tasks.cancel_scope.cancel()

    @property
    def verdict(self) -> tuple[Health, str]:
        """What probes, listings and calls say together."""
        problems = [self._list_problem, self._traffic.problem if self._traffic is not None else ""]
        return worst([self._probed, *((Health.DEGRADED, problem) for problem in problems if problem)])

    def _probed_as(self, health: Health, reason: str) -> None:
        self._probed = (health, reason)
        self._on_verdict(*self.verdict)

    def _told(self, method: str, _params: bytes | None) -> None:
        if method == CHANGED:
            self._changed.set()

    def _trouble(self) -> None:
        if self._prober is not None:
            self._prober.probe_soon()

    async def _relist(self, agreed: Agreed) -> None:
        while True:
            with anyio.move_on_after(LIST_AGAIN_S if self._list_problem else float("inf")):
                await self._changed.wait()
                await anyio.sleep(COALESCE_S)
            self._changed = anyio.Event()
            before = self._list_problem
            try:
                await self._list(agreed)
            except ChildGone as exc:
                self._list_problem = exc.message  # a dead process ends this life anyway, a remote may come back
            if self._list_problem != before:
                self._on_verdict(*self.verdict)

    async def _list(self, agreed: Agreed) -> None:
        """Read the tools and tell. A server that cannot list them stays, with the list it had. Raises: ChildGone."""
        tools: tuple[Tool, ...] = ()
        if "tools" in agreed.capabilities:
            try:
                listed = await list_tools(self._spec.name, self.connection)
            except ChildGone:
                raise
            except GatewayError as exc:
                log.warning("tools_not_listed", server=self._spec.name, reason=exc.message)
                self._list_problem = f"its tools cannot be listed: {exc.message}"
                return
            tools, self.skipped_tools = listed.tools, listed.skipped
        self._list_problem = ""
        self._publish(
            ToolsListed(self._clock.wall(), self._spec.name, tools, agreed.revision, agreed.instructions, agreed.title)
        )

    async def _listen(self) -> None:
        try:
            await self.connection.listen()
        except GatewayError as exc:
            # Not every server has notices to give; its end is noticed elsewhere.
            log.debug("no_notices", server=self._spec.name, reason=exc.message)
