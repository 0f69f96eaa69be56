"""`[gateway]`: where the daemon listens and keeps its state. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from gateway.config.checks import filled
from gateway.config.fields import Check, Range


@dataclass(frozen=True, slots=True)
class GatewaySection:
    """Where the daemon listens, keeps its state and logs."""

    host: Annotated[
        str, "Address to listen at; one that other machines can reach needs auth and TLS", Check(filled)
    ] = "127.0.0.1"
    port: Annotated[int, "TCP port to listen at", Range(1, 65535)] = 8808
    state_dir: Annotated[str, "Where everything is kept; empty: the platform's user state directory"] = ""
    log: Annotated[Literal["console", "json"], "Form of the log lines"] = "console"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        "Least important log lines that are written",
    ] = "info"
    allow_insecure_bind: Annotated[
        bool,
        "Listen where other machines can reach us: TLS is somebody else's work",
    ] = False
    drain_s: Annotated[
        float,
        "Seconds that calls in flight may take to finish at shutdown",
        Range(0, 3600),
    ] = 30.0
    start_parallel: Annotated[int, "How many servers may be starting at once", Range(1, 64)] = 4
    limits: Annotated[
        Literal["auto", "watch", "cgroup"],
        "Who sees to the servers' limits: cgroup: the kernel, by control groups; watch: we, by looking once a second;"
        " auto: the kernel where systemd has delegated control groups to us, else we",
    ] = "auto"
