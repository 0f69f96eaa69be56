"""What the verbs work with: the parts that exist without a running daemon, and those that only it has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gateway.clock import Clock
from gateway.config import Config
from gateway.discovery.connect.api import Connect
from gateway.discovery.connect.badge import Badge
from gateway.discovery.finder import Finder
from gateway.discovery.official.sync import RegistrySync
from gateway.endpoint.caller import default_run
from gateway.facts import Publish
from gateway.install.installer import Installer
from gateway.install.planning.machine import Machine
from gateway.install.secrets.store import SecretStore
from gateway.model import Caller, ServerName, ServerSpec
from gateway.store.database import Database
from gateway.store.definitions import Definitions, Pinned
from gateway.store.installed import Installed
from gateway.store.ledger import Ledger
from gateway.store.ledger_sink import LedgerSink
from gateway.store.requests import Requests
from gateway.store.tracks import Tracks

if TYPE_CHECKING:
    # Heavy, and only a running daemon has them: a verb without one must not wait for their imports.
    from gateway.endpoint.endpoint import Endpoint
    from gateway.learning.link import LearnerLink
    from gateway.learning.live import LivePolicy
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

    async def __call__(self, spec: ServerSpec, secrets: Mapping[str, str]) -> Mapping[str, Pinned]:
        """Return its definitions as they would be pinned; `secrets` are not in the secret store yet.

        Raises: SpawnFailed, HandshakeFailed, ChildGone.
        """
        ...


Switch = Callable[[], Awaitable[str]]
"""Let the running child give way to what was just committed; returns "" or why that did not go well."""


async def _nothing_gave_way() -> str:
    return ""


@asynccontextmanager
async def no_switching(_: ServerName) -> AsyncIterator[Switch]:
    """No daemon runs: nothing has to give way."""
    yield _nothing_gave_way


def never(_: ServerName) -> bool:
    """No daemon runs: no server is ready."""
    return False


def no_vacancies() -> list[Json]:
    """No daemon runs: nobody fills any."""
    return []


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
    tracks: Tracks
    connect: Connect
    badge: Badge  # what stands for Connect's token in the secrets of children
    mark: str  # in the metadata of connections that this installation made
    installer: Installer
    installed: Installed
    requests: Requests
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
    decided: Callable[[], None]  # somebody decided a request of an agent
    # In it, children do not follow what is committed until they are switched.
    switching: Callable[[ServerName], AbstractAsyncContextManager[Switch]] = no_switching
    is_ready: Callable[[ServerName], bool] = never
    sync: RegistrySync | None = None  # copies the official registry, where that is switched on
    pending: Callable[[], list[Json]] = no_vacancies  # servers that are wanted and not here yet
    vacancies: Callable[[], list[Json]] = no_vacancies  # of the `[[discover]]` rules, each with its reasons


async def _nothing_to_note() -> None:
    """Every death is in the store already."""


def no_notes(_: ServerName) -> Json:
    """Nothing is known of a server's definitions."""
    return {"rejected_tools": 0, "instructions_held": False, "labels": 0}


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
    definition_notes: Callable[[ServerName], Json] = no_notes  # more about a server's definitions, for `status`
    deaths_noted: Callable[[], Awaitable[None]] = _nothing_to_note  # writes the deaths that still wait for it

    def caller(self, agent: str | None = None, run: str | None = None) -> Caller:
        """The administration as a caller, asking as an agent would."""
        return Caller(principal="admin", agent=agent or "", run=run or default_run(self.parts.clock.wall()))
