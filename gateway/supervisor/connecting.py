"""`Connector`: makes the connection of one start, of the kind that a server's launch asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import httpx

from gateway.model import RemoteLaunch, ServerName, ServerSpec
from gateway.supervisor.limits.limits import Limits
from gateway.supervisor.ports import Confine, Connection, OnNoise, OnTold, Refresh
from gateway.supervisor.processes.blotting import blotter
from gateway.supervisor.processes.ring import LineRing
from gateway.supervisor.talking.remote import RemoteConnection
from gateway.supervisor.talking.stdio import StdioConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """Satisfies `gateway.supervisor.life.Connect`. Secrets are asked for at each start: they may have changed."""

    version: str
    secrets: Callable[[ServerName], Mapping[str, str]]
    remote_transport: Callable[[], httpx.AsyncBaseTransport] | None
    refresh: Refresh
    confine: Confine
    limits: Limits
    home: str  # marks our children: see gateway.supervisor.processes.leftovers

    def __call__(
        self,
        spec: ServerSpec,
        *,
        on_told: OnTold,
        on_trouble: Callable[[], None],
        on_noise: OnNoise,
        stderr: LineRing,
        probe: bool,
    ) -> Connection:
        """Make it; nothing is started or connected yet."""
        secrets = self.secrets(spec.name)
        stderr.clean = blotter(secrets)
        if isinstance(spec.launch, RemoteLaunch):
            return RemoteConnection(
                spec.name,
                spec.launch,
                secrets,
                version=self.version,
                on_told=on_told,
                on_trouble=on_trouble,
                on_noise=on_noise,
                transport=self.remote_transport,
                start_timeout_s=spec.health.start_timeout_sec,
                probe=probe,
                refresh=self.refresh,
            )
        return StdioConnection(
            spec.name,
            spec.launch,
            secrets,
            version=self.version,
            on_told=on_told,
            on_noise=on_noise,
            stderr=stderr,
            start_timeout_s=spec.health.start_timeout_sec,
            probe=probe,
            prepare=self.limits.preparing(spec, partial(self.confine, spec)),
            home=self.home,
        )
