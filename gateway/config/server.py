"""`[[server]]`: one server, in the operator's words; tables carry systemd's names. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from gateway.config import checks
from gateway.config.fields import Check, Range
from gateway.config.limits import DAY_S, LimitsTable, SandboxTable


@dataclass(frozen=True, slots=True)
class RestartTable:
    """When and how fast a dead server comes back. The words are systemd's, the numbers seconds."""

    Restart: Annotated[
        Literal["always", "on-failure", "no"],
        "When a server that ended is started again",
    ] = "always"
    RestartSec: Annotated[float, "First delay; it doubles with each failure", Range(0, DAY_S)] = 0.5
    RestartMaxDelaySec: Annotated[float, "Longest delay", Range(0, DAY_S)] = 60.0
    StartLimitBurst: Annotated[
        int,
        "Starts within StartLimitIntervalSec after which we give up",
        Range(1, 1000),
    ] = 5
    StartLimitIntervalSec: Annotated[
        float,
        "The interval in which starts are counted",
        Range(0, 7 * DAY_S),
    ] = 300.0
    ResetAfterSec: Annotated[
        float, "Once ready this long, the delay starts again from RestartSec", Range(0, 7 * DAY_S)
    ] = 600.0
    RetryFailedSec: Annotated[
        float,
        "A server that was given up is tried again after this",
        Range(1, 7 * DAY_S),
    ] = 600.0

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the keys."""
        if self.RestartSec > self.RestartMaxDelaySec:
            yield "RestartSec", "must not be above RestartMaxDelaySec"


@dataclass(frozen=True, slots=True)
class HealthTable:
    """How a server's health is asked for, and when calls no longer go to it. Seconds."""

    IntervalSec: Annotated[float, "Time between two questions", Range(0.05, DAY_S)] = 10.0
    TimeoutSec: Annotated[float, "Time for an answer", Range(0.05, 3600)] = 10.0
    Failures: Annotated[
        int,
        "Questions in a row without answer after which it is restarted",
        Range(1, 1000),
    ] = 3
    TimeoutStartSec: Annotated[float, "Time from start to the end of the handshake", Range(0.1, 3600)] = 60.0
    TimeoutStopSec: Annotated[
        float,
        "Time for each step of stopping: stdin closed, TERM, KILL",
        Range(0, 600),
    ] = 2.0
    NoiseLimit: Annotated[
        int,
        "Lines within a minute that are no messages after which it is put aside; 0: any number",
        Range(0, 10**6),
    ] = 100
    BreakerFailures: Annotated[
        int,
        "Failed calls in a row after which a server or tool is left alone for a while; 0: never",
        Range(0, 1000),
    ] = 5
    BreakerSec: Annotated[float, "First pause of a breaker; it doubles with each failed try", Range(0.05, DAY_S)] = 30.0
    BreakerMaxSec: Annotated[float, "Longest pause of a breaker", Range(0.05, DAY_S)] = 600.0


@dataclass(frozen=True, slots=True)
class ServerSection:
    """One server; give exactly one of `from`, `command` and `url`."""

    name: Annotated[str, "Its name here: a-z, 0-9 and -, at most 24 characters", Check(checks.name)]
    from_: Annotated[
        str,
        "What to install: smithery:acme/echo, registry:io.github.a/b, npm:pkg@1.2.3, pypi:pkg==1.2.3,"
        " mcpb:FILE-OR-URL#sha256=…, oci:IMAGE@sha256:…",
        Check(checks.reference),
    ] = ""
    via: Annotated[
        Literal["direct", "connect"],
        "How a remote server of Smithery is reached (with from): by its own address, or through Smithery Connect",
    ] = "direct"
    sha256: Annotated[str, "Of the bundle that `from` leads to; another content is refused", Check(checks.sha256)] = ""
    command: Annotated[
        tuple[str, ...], "Program and arguments of a server that is here already", Check(checks.argv)
    ] = ()
    url: Annotated[str, "Address of a server that runs elsewhere", Check(checks.http_url)] = ""
    env: Annotated[dict[str, str], "Environment variables of the server", Check(checks.environment)] = field(
        default_factory=dict
    )
    cwd: Annotated[str, "Directory in which it runs; empty: one of its own, of an unconfined command ours"] = ""
    headers: Annotated[
        dict[str, str], "HTTP headers sent to url; values may hold ${secret:NAME}", Check(checks.headers)
    ] = field(default_factory=dict)
    prefix: Annotated[
        str | None, "Prefix of its tools' names, may be empty; default: its name", Check(checks.prefix)
    ] = None
    required: Annotated[bool, "The gateway is ready only while this server is"] = False
    config: Annotated[dict[str, Any], "Values that the server wants configured (with from)"] = field(
        default_factory=dict
    )
    secrets: Annotated[
        tuple[str, ...],
        "Names of values kept by `mcp-gateway secret set`, given to this server only",
        Check(checks.secret_names),
    ] = ()
    session: Annotated[
        Literal["shared", "per-agent", "per-session"],
        "Who shares one process: everybody, one agent of one run, one session",
    ] = "shared"
    description: Annotated[str, "What it is for; helps to find its tools"] = ""
    args: Annotated[tuple[str, ...], "Further arguments, after those of command or of what was installed"] = ()
    pins: Annotated[
        dict[str, str],
        "Approved tool definitions: tool = SHA-256, as `config show` prints them; others wait for `approve`",
        Check(checks.pins),
    ] = field(default_factory=dict)
    restart: RestartTable = field(default_factory=RestartTable)
    health: HealthTable = field(default_factory=HealthTable)
    start: Annotated[
        Literal["eager", "lazy"], "eager: with the gateway; lazy: when somebody first calls one of its tools"
    ] = "eager"
    idle_stop_s: Annotated[
        float,
        "Seconds without a call after which it is stopped until the next one; 0: never",
        Range(0, 30 * DAY_S),
    ] = 0.0
    keep_warm: Annotated[
        int,
        "Processes that are kept ready although nobody uses them: 1 keeps a shared server from being stopped when idle;"
        " for per-agent and per-session servers, how many wait for the next caller",
        Range(0, 16),
    ] = 0
    prestart: Annotated[bool, "Start it (if lazy or idle) when earlier runs say that it is about to be called"] = False
    limits: LimitsTable = field(default_factory=LimitsTable)
    sandbox: SandboxTable = field(default_factory=SandboxTable)

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the keys."""
        given = [key for key, value in (("from", self.from_), ("command", self.command), ("url", self.url)) if value]
        if len(given) != 1:
            what = f"{' and '.join(given)} are given" if given else "none is given"
            yield "", f"give exactly one of from, command and url; {what}"
        if self.url:
            yield from self._elsewhere()
        if self.via != "direct" and not self.from_:
            yield "via", "only a server with from can be reached through Smithery Connect"
        if (self.sha256 or self.pins) and not self.from_:
            yield "", "only a server with from has sha256 or pins"
        if self.headers and not self.url:
            yield "headers", "only a server with url has headers"
        if self.config and not self.from_:
            yield "config", "only a server with from has a config table; use env, args or headers"
        if self.prestart:
            yield from self._prestarted()

    def _elsewhere(self) -> Iterator[tuple[str, str]]:
        """What a server that runs elsewhere cannot have here."""
        if self.args or self.env or self.cwd:
            yield "", "a server with url runs elsewhere: it has no args, env or cwd"
        if self.sandbox != SandboxTable():
            yield "sandbox", "a server with url runs elsewhere: it has no sandbox"
        if keys := self.limits.of_processes():
            yield f"limits.{keys[0]}", "a server with url runs elsewhere: its processes cannot be limited here"

    def _prestarted(self) -> Iterator[tuple[str, str]]:
        """What must hold for a server that is started ahead."""
        if self.session != "shared":
            yield "prestart", "only a shared server can be started ahead; keep_warm is for those of their own"
        elif self.start == "eager" and not self.idle_stop_s:
            yield "prestart", 'needs start = "lazy" or idle_stop_s: this server runs all the time'
