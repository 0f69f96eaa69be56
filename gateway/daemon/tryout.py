"""Shake hands once with a freshly installed server: it starts, lists its tools, and is stopped again."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import anyio
import httpx
import msgspec

from gateway.clock import Clock
from gateway.daemon.pinning import canonical_definition, canonical_server, text_hash
from gateway.errors import HandshakeFailed
from gateway.facts import Fact, StateChanged, ToolsListed
from gateway.model import RestartPolicy, ServerName, ServerSpec, SessionScope, StartPolicy
from gateway.store.definitions import ITSELF, Pinned
from gateway.supervisor.ports import Confine, unconfined
from gateway.supervisor.supervisor import Supervisor

# Longer than a child's own start deadline, so that its reason is told rather than ours.
MARGIN_S = 5.0


class Handshake:
    """Tries servers out one by one, each in a supervisor of its own, so that the running ones do not notice."""

    def __init__(
        self,
        *,
        clock: Clock,
        rng: random.Random,
        secrets: Callable[[ServerName], Mapping[str, str]],
        version: str,
        remote_transport: Callable[[], httpx.AsyncBaseTransport],
        confine: Confine = unconfined,
        home: str = "",
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._secrets = secrets
        self._version = version
        self._remote_transport = remote_transport
        self._confine = confine
        self._home = home

    async def __call__(self, spec: ServerSpec, secrets: Mapping[str, str]) -> Mapping[str, Pinned]:
        """Start `spec` once and return what it offers, as it would be pinned.

        `secrets` came with the installation; they go before those that are kept.

        Raises: HandshakeFailed with the child's own reason.
        """
        watch = _Watch()
        supervisor = Supervisor(
            clock=self._clock,
            publish=watch,
            rng=self._rng,
            secrets=lambda name: {**self._secrets(name), **secrets},
            version=self._version,
            remote_transport=self._remote_transport,
            confine=self._confine,
            home=self._home,
        )
        once = msgspec.structs.replace(
            spec, restart=RestartPolicy(restart="no"), required=False, session=SessionScope.SHARED, start=StartPolicy()
        )
        async with anyio.create_task_group() as tasks:
            await tasks.start(supervisor.run)
            await supervisor.apply([once])
            with anyio.move_on_after(spec.health.start_timeout_sec + MARGIN_S):
                await watch.decided.wait()
            tail = supervisor.logs(spec.name, 5)
            tasks.cancel_scope.cancel()
        if watch.listed is None:
            said = f"; it wrote: {' | '.join(tail)}" if tail else ""
            raise HandshakeFailed(spec.name, f"{watch.reason or 'no answer in time'}{said}")
        return pinned(watch.listed)


def pinned(listed: ToolsListed) -> dict[str, Pinned]:
    """Spell what a server listed as its pins would be; what it says of itself stands under `ITSELF`."""
    texts = {str(tool.ref.tool): canonical_definition(tool) for tool in listed.tools}
    texts[ITSELF] = canonical_server(listed.server_title, listed.instructions)
    return {name: (text_hash(text), text) for name, text in texts.items()}


class _Watch:
    """Hears the facts of one child until it is known how its start went."""

    def __init__(self) -> None:
        self.decided = anyio.Event()
        self.listed: ToolsListed | None = None
        self.reason = ""

    def __call__(self, fact: Fact) -> None:
        if isinstance(fact, ToolsListed):
            self.listed = fact
            self.decided.set()
        elif isinstance(fact, StateChanged) and fact.state in {"backoff", "failed", "stopped"} and fact.reason:
            self.reason = self.reason or fact.reason
            self.decided.set()
