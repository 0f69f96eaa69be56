"""What happened: immutable values that flow from the rooms to ledger, learner, metrics and logs.

Publishing never waits and never fails a call. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.model import Decision, ServerName, Tool


class StateChanged(msgspec.Struct, frozen=True):
    """A child moved to another state or health."""

    at: float
    server: ServerName
    state: str
    health: str
    reason: str
    pid: int | None = None
    next_retry_s: float | None = None


class ChildExited(msgspec.Struct, frozen=True):
    """A child's process ended (or a remote's connection broke)."""

    at: float
    server: ServerName
    code: int | None
    signal: str | None
    reason: str
    cause: str = ""  # one of gateway.supervisor.causes.Cause
    uptime_s: float | None = None  # since it became ready; None: it never was
    was_wanted: bool = True  # False: it was asked to stop
    pid: int | None = None
    stderr_tail: tuple[str, ...] = ()


class BreakerMoved(msgspec.Struct, frozen=True):
    """Calls no longer go to a server (or one of its tools), are tried again, or go there as before."""

    at: float
    server: ServerName
    tool: str | None  # None: the whole server
    state: str  # closed | open | half_open
    reason: str
    retry_s: float | None = None


class WarmStart(msgspec.Struct, frozen=True):
    """A server was started before anybody called it; later it is known whether that was right."""

    at: float
    server: ServerName
    outcome: str  # started | used | wasted


class ToolsListed(msgspec.Struct, frozen=True):
    """A ready child told us its tools (at start, or after list_changed)."""

    at: float
    server: ServerName
    tools: tuple[Tool, ...]
    protocol: str
    instructions: str = ""
    server_title: str = ""


class ServerForgotten(msgspec.Struct, frozen=True):
    """A server is no longer wanted: its tools leave the toolset."""

    at: float
    server: ServerName


class CallFinished(msgspec.Struct, frozen=True):
    """One tools/call, told to ledger and learner: the columns of `calls` (CONTRACT section 6)."""

    call_id: str
    at: float
    principal: str
    agent: str
    run: str
    round: int
    session: str
    profile: str
    server: str
    tool: str
    exposed: str
    via: str  # direct | call_tool | fallback | api
    decision_id: str | None
    outcome: str  # CallOutcome
    error_code: str | None
    latency_s: float
    bytes_in: int
    bytes_out: int
    args_hmac: str
    cost: float | None = None


class DecisionMade(msgspec.Struct, frozen=True):
    """The policy spoke."""

    decision: Decision


class Rewarded(msgspec.Struct, frozen=True):
    """Somebody (or a rule) judged a call or a decision: a row of `rewards`."""

    id: str
    call_id: str | None
    decision_id: str | None
    at: float
    source: str  # call | rating | vote | judge | implicit
    value: float  # 0..1
    weight: float
    provenance: str
    tool: str | None = None  # exposed name


class RegistryDrifted(msgspec.Struct, frozen=True):
    """A registry's answer differed from what is known of its shape, `count` times."""

    at: float
    source: str  # smithery | registry
    field: str  # path such as servers[].useCount; bounded in number
    kind: str  # unknown | missing | type
    count: int = 1


Fact = (
    StateChanged
    | ChildExited
    | BreakerMoved
    | WarmStart
    | ToolsListed
    | ServerForgotten
    | CallFinished
    | DecisionMade
    | Rewarded
    | RegistryDrifted
)

Publish = Callable[[Fact], None]
"""Hand a fact to whoever listens; never waits, never raises."""
