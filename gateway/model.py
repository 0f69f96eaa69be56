"""The words of the house: servers, tools, launch specs, callers, decisions.

Pure values, frozen and complete: a type tells how far a thing has come
(`Listing` -> `InstallPlan` -> `ServerSpec` -> child -> upstream). No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType

import msgspec

ServerName = NewType("ServerName", str)
"""Our own short name of a server: `^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$`, never `gateway`."""

ToolName = NewType("ToolName", str)
"""A tool's name as its server spells it."""

ExposedName = NewType("ExposedName", str)
"""A tool's name as clients see it; `gateway.endpoint.naming` makes it."""

SERVER_NAME_PATTERN = re.compile(r"^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$")
RESERVED_SERVER_NAME = "gateway"


class Source(StrEnum):
    """Where a listing was found."""

    SMITHERY = "smithery"
    REGISTRY = "registry"
    STARTER = "starter"


class Origin(StrEnum):
    """Who asked for a server to be here."""

    CONFIG = "config"
    CLI = "cli"
    DISCOVER = "discover"
    AGENT = "agent"
    STARTER = "starter"
    FILE = "file"


class SessionScope(StrEnum):
    """Who shares one child of a server."""

    SHARED = "shared"
    PER_AGENT = "per-agent"
    PER_SESSION = "per-session"


class CallOutcome(StrEnum):
    """How a call ended, in the ledger's words."""

    OK = "ok"
    TOOL_ERROR = "tool_error"
    TIMEOUT = "timeout"
    GONE = "gone"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    BUSY = "busy"


class StdioLaunch(msgspec.Struct, frozen=True, tag="stdio"):
    """How to run a server here. Values may hold `${secret:KEY}`, filled in at spawn.

    `granted`: the words of a person among what an installed server is told; the places that they name it is given.
    """

    argv: tuple[str, ...]
    env: dict[str, str] = {}
    cwd: str | None = None
    granted: tuple[str, ...] = ()


class RemoteLaunch(msgspec.Struct, frozen=True, tag="http"):
    """How to reach a remote server. Values may hold `${secret:KEY}`, filled in at connect."""

    url: str
    headers: dict[str, str] = {}


LaunchSpec = StdioLaunch | RemoteLaunch


class RestartPolicy(msgspec.Struct, frozen=True):
    """When and how fast a dead child comes back; the words are systemd's. Durations in seconds."""

    restart: str = "always"  # always | on-failure | no
    restart_sec: float = 0.5
    restart_max_delay_sec: float = 60.0
    start_limit_burst: int = 5
    start_limit_interval_sec: float = 300.0
    reset_after_sec: float = 600.0  # ready this long: the back-off starts again from the bottom
    retry_failed_sec: float = 600.0  # a failed server is tried again by itself after this


class HealthPolicy(msgspec.Struct, frozen=True):
    """How a child's health is asked for. Durations in seconds."""

    interval_sec: float = 10.0
    timeout_sec: float = 10.0
    failures: int = 3
    start_timeout_sec: float = 60.0
    stop_timeout_sec: float = 2.0  # per rung of the stop ladder: stdin closed, TERM, KILL
    noise_limit: int = 100  # lines within a minute that are no messages: more, and it is put aside; 0: any number
    breaker_failures: int = 5  # failed calls in a row that open a breaker; 0: never
    breaker_sec: float = 30.0  # its first pause, which doubles
    breaker_max_sec: float = 600.0


class CallPolicy(msgspec.Struct, frozen=True):
    """Deadlines and bounds of one server's calls."""

    timeout_sec: float = 120.0
    max_timeout_sec: float = 390.0  # progress extends a call up to here
    max_in_flight: int = 64
    max_queue: int = 64  # calls that may wait for their turn
    queue_timeout_sec: float = 30.0


class ResourceLimits(msgspec.Struct, frozen=True):
    """What all processes of one server may take together (`nofile` and `fsize_bytes`: each of them); None: no bound."""

    memory_max_bytes: int | None = None
    memory_max_share: float | None = 0.5  # of the machine's memory; counts where memory_max_bytes is None
    tasks_max: int | None = 1024  # processes and threads
    cpu_quota: float | None = None  # 1.0 is one processor
    nofile: int | None = 8192
    fsize_bytes: int | None = None
    runtime_max_sec: float | None = None


class SandboxPolicy(msgspec.Struct, frozen=True):
    """What one server may reach. `auto`: the strongest level that works for what was installed, else none."""

    level: str = "auto"  # auto | none | landlock | bwrap
    network: str = "host"  # host | none
    read_write_paths: tuple[str, ...] = ()
    read_only_paths: tuple[str, ...] = ()


class StartPolicy(msgspec.Struct, frozen=True):
    """When one server's processes run."""

    lazy: bool = False  # only from the first call on
    idle_stop_sec: float | None = None  # stopped after so long without a call, until the next one
    keep_warm: int = 0  # processes kept ready although nobody uses them
    prestart: bool = False  # start when its use is predicted


class ServerSpec(msgspec.Struct, frozen=True):
    """One server as it shall be supervised. Equal specs mean: leave the child alone."""

    name: ServerName
    from_: str  # "npm:pkg@1.2.3", "smithery:acme/echo", "command", "url", ...
    origin: Origin
    launch: StdioLaunch | RemoteLaunch
    prefix: str | None = None  # None: the name
    required: bool = False
    session: SessionScope = SessionScope.SHARED
    version: str | None = None
    description: str = ""
    restart: RestartPolicy = RestartPolicy()
    health: HealthPolicy = HealthPolicy()
    call: CallPolicy = CallPolicy()
    limits: ResourceLimits = ResourceLimits()
    sandbox: SandboxPolicy = SandboxPolicy()
    start: StartPolicy = StartPolicy()


@dataclass(frozen=True, slots=True)
class ToolRef:
    """One tool of one server."""

    server: ServerName
    tool: ToolName


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as its server described it: the definition as it came, and the few facts we read from it."""

    ref: ToolRef
    definition: bytes  # the JSON object of tools/list, untouched
    title: str | None = None
    description: str = ""
    input_schema: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] | None = None
    read_only: bool = False
    idempotent: bool = False
    destructive: bool = True


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, as claimed by headers or query (CONTRACT section 1); `principal` is proven."""

    principal: str  # short hash of the token, or "anonymous" when auth is off
    agent: str = ""
    run: str = ""
    task: str = ""
    profile: str = ""
    result_text: bool = False  # append a text item that describes non-text content

    @property
    def key(self) -> str:
        """The decision key of the modern era: principal, agent, run, profile."""
        return "\x1f".join((self.principal, self.agent, self.run, self.profile))


class DecisionKind(StrEnum):
    """What was decided."""

    LIST = "list"
    FIND = "find"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Decision:
    """Which tools were shown, in which order, and how likely that was.

    `shown` and `propensities` have the same length; a propensity is the probability that
    this tool stood at this position, or None when it is not logged (it can be computed
    later from seed and versions). `bucket` marks an evaluation decision, whose
    `propensities[0]` is in closed form.
    """

    id: str
    kind: DecisionKind
    at: float  # seconds since the epoch
    key: str
    agent: str
    run: str
    round: int
    shown: tuple[str, ...]
    propensities: tuple[float | None, ...]
    seed: int
    policy_version: str
    toolset_version: str
    bucket: bool = False
    query_id: str | None = None
    query: str | None = None
    mode: str = "on"
    explain: tuple[ToolScore, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolScore:
    """Why a tool stands where it stands: the policy's numbers for it."""

    name: str
    score: float
    relevance: float
    reliability: float
    n: int
    why: str


@dataclass(frozen=True, slots=True)
class ChooseRequest:
    """A question to the policy: put these candidates (exposed names) in order for this caller.

    `round` is the n-th session of this agent in this run; `query` is the task text or the words of `find_tools`
    and may be empty; `k` bounds how many names the decision shows.
    """

    kind: DecisionKind
    caller: Caller
    round: int
    query: str
    k: int
    candidates: tuple[str, ...]
    session: str = ""


class ToolCard(msgspec.Struct, frozen=True, rename="camel"):
    """A tool as the learner sees it: the tool dict of the selection facade, typed. `id` is the exposed name."""

    id: str
    name: str
    description: str = ""
    server: str = ""
    server_description: str = ""
    input_schema: dict[str, Any] = {}
