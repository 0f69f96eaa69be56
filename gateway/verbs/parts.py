"""What the verbs work with: the parts that exist without a running daemon, and those that only it has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gateway.clock import Clock
from gateway.config import Config
from gateway.discovery.finder import Finder
from gateway.endpoint.caller import default_run
from gateway.endpoint.endpoint import Endpoint
from gateway.facts import Publish
from gateway.install.installer import Installer
from gateway.install.planning.machine import Machine
from gateway.install.secrets import SecretStore
from gateway.learning.link import LearnerLink
from gateway.learning.live import LivePolicy
from gateway.model import Caller, ServerName, ServerSpec
from gateway.store.database import Database
from gateway.store.definitions import Definitions
from gateway.store.installed import Installed
from gateway.store.ledger import Ledger
from gateway.store.ledger_sink import LedgerSink
from gateway.supervisor.supervisor import Supervisor

Json = dict[str, Any]
Progress = Callable[[Json], None]


class Token(Protocol):
    """One bearer token and the place where a person finds it."""

    @property
    def value(self) -> str: ...

    @property
    def place(self) -> str: ...

    @property
    def principal(self) -> str: ...


class Tokens(Protocol):
    """The two tokens: `token` (agents) and `admin-token`."""

    def load(self, which: str) -> Token: ...
    def rotate(self, which: str) -> Token: ...
    def check_distinct(self) -> None: ...


class TryOut(Protocol):
    """Start a freshly installed server once, and stop it again."""

    async def __call__(self, spec: ServerSpec) -> int:
        """Return how many tools it offers. Raises: SpawnFailed, HandshakeFailed, ChildGone."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What finding, installing and configuring need.

    `changed` is told after what is installed changed, `refresh` after a server's pins changed, `retry` after what a
    server may have waited for is there; all return when that has taken effect. `wanted` is the union of the file's
    and the installed servers.
    """

    config: Callable[[], Config]
    config_file: Path | None
    url: str  # of the MCP endpoint
    clock: Clock
    db: Database
    finder: Finder
    installer: Installer
    installed: Installed
    definitions: Definitions
    secrets: SecretStore
    ledger: Ledger
    tokens: Tokens
    machine: Callable[[], Awaitable[Machine]]
    wanted: Callable[[], Awaitable[list[ServerSpec]]]
    try_out: TryOut
    changed: Callable[[], Awaitable[None]]
    refresh: Callable[[ServerName], Awaitable[None]]
    retry: Callable[[ServerName], Awaitable[None]]
    started: Callable[[ServerName], Awaitable[None]]  # waits until a new server's tools can be called


@dataclass(frozen=True, slots=True)
class Running:
    """What only a running daemon has."""

    parts: Parts
    version: str
    started_at: float  # of the clock's `now`
    supervisor: Supervisor
    endpoint: Endpoint
    policy: LivePolicy
    learner: LearnerLink
    ledger_sink: LedgerSink
    publish: Publish
    tool_counts: Callable[[ServerName], tuple[int, int]]  # shown, quarantined
    not_ready: Callable[[], list[str]]  # why no work can be taken now; empty: it can
    reload: Callable[[], Awaitable[Json]]

    def caller(self, agent: str | None = None, run: str | None = None) -> Caller:
        """The administration as a caller, asking as an agent would."""
        return Caller(principal="admin", agent=agent or "", run=run or default_run(self.parts.clock.wall()))
