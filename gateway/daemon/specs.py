"""Which servers shall run: the configuration's and the installed ones, as server specs. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from gateway.config.limits import LimitsTable, SandboxTable
from gateway.config.quantities import Amount, count, cpus, size
from gateway.config.sections import Config
from gateway.config.server import HealthTable, RestartTable, ServerSection
from gateway.errors import UsageError
from gateway.install.planning.references import RefKind, parse_reference
from gateway.model import (
    CallPolicy,
    HealthPolicy,
    Origin,
    RemoteLaunch,
    ResourceLimits,
    RestartPolicy,
    SandboxPolicy,
    ServerName,
    ServerSpec,
    SessionScope,
    StartPolicy,
    StdioLaunch,
)
from gateway.verbs.planning import LISTED


def restart_policy(table: RestartTable) -> RestartPolicy:
    """Read `[server.restart]`."""
    return RestartPolicy(
        restart=table.Restart,
        restart_sec=table.RestartSec,
        restart_max_delay_sec=table.RestartMaxDelaySec,
        start_limit_burst=table.StartLimitBurst,
        start_limit_interval_sec=table.StartLimitIntervalSec,
        reset_after_sec=table.ResetAfterSec,
        retry_failed_sec=table.RetryFailedSec,
    )


def health_policy(table: HealthTable) -> HealthPolicy:
    """Read `[server.health]`."""
    return HealthPolicy(
        interval_sec=table.IntervalSec,
        timeout_sec=table.TimeoutSec,
        failures=table.Failures,
        start_timeout_sec=table.TimeoutStartSec,
        stop_timeout_sec=table.TimeoutStopSec,
        noise_limit=table.NoiseLimit,
        breaker_failures=table.BreakerFailures,
        breaker_sec=table.BreakerSec,
        breaker_max_sec=table.BreakerMaxSec,
    )


def call_policy(table: LimitsTable) -> CallPolicy:
    """Read what `[server.limits]` says of calls."""
    return CallPolicy(
        timeout_sec=table.timeout_s,
        max_timeout_sec=table.max_timeout_s,
        max_in_flight=table.max_in_flight,
        max_queue=table.max_queue,
        queue_timeout_sec=table.queue_timeout_s,
    )


def resource_limits(table: LimitsTable) -> ResourceLimits:
    """Read what `[server.limits]` says of processes; the amounts were checked when the file was read."""
    memory, tasks = size(table.MemoryMax) or Amount(), count(table.TasksMax) or Amount()
    files, file_size = count(table.LimitNOFILE) or Amount(), size(table.LimitFSIZE) or Amount()
    return ResourceLimits(
        memory_max_bytes=memory.absolute,
        memory_max_share=memory.share,
        tasks_max=tasks.absolute,
        cpu_quota=(cpus(table.CPUQuota) or Amount()).share,
        nofile=files.absolute,
        fsize_bytes=file_size.absolute,
        runtime_max_sec=table.RuntimeMaxSec or None,
    )


def sandbox_policy(table: SandboxTable) -> SandboxPolicy:
    """Read `[server.sandbox]`."""
    return SandboxPolicy(table.level, table.network, table.ReadWritePaths, table.ReadOnlyPaths)


def start_policy(section: ServerSection) -> StartPolicy:
    """Read when a server runs."""
    return StartPolicy(section.start == "lazy", section.idle_stop_s or None, section.keep_warm, section.prestart)


def spec_of_section(section: ServerSection, origin: Origin, base_env: Mapping[str, str]) -> ServerSpec:
    """Make the spec of a `[[server]]` that says itself how to run (`command` or `url`).

    `base_env` is what every child gets; the section's own `env` wins. Names in `secrets` become environment
    variables (or, for a url, may be used as `${secret:NAME}` in headers).
    """
    launch: StdioLaunch | RemoteLaunch
    if section.url:
        launch = RemoteLaunch(url=section.url, headers=dict(section.headers))
    else:
        env = {**base_env, **section.env, **{name: f"${{secret:{name}}}" for name in section.secrets}}
        launch = StdioLaunch(argv=(*section.command, *section.args), env=env, cwd=section.cwd or None)
    return ServerSpec(
        name=ServerName(section.name),
        from_="url" if section.url else "command",
        origin=origin,
        launch=launch,
        **shared_fields(section),  # type: ignore[arg-type]
    )


def shared_fields(section: ServerSection) -> dict[str, object]:
    """The part of a spec that `[[server]]` decides, however the server came here."""
    return {
        "prefix": section.prefix,
        "required": section.required,
        "session": SessionScope(section.session),
        "description": section.description,
        "restart": restart_policy(section.restart),
        "health": health_policy(section.health),
        "call": call_policy(section.limits),
        "limits": resource_limits(section.limits),
        "sandbox": sandbox_policy(section.sandbox),
        "start": start_policy(section),
    }


def wanted(
    config: Config, installed: Iterable[ServerSpec], origin: Origin, base_env: Mapping[str, str]
) -> list[ServerSpec]:
    """Join the configuration's servers with the installed ones; a `[[server]]` of the same name wins.

    A `[[server]]` with `from` takes its launch from what was installed under its name and everything else from
    the file; as long as nothing is installed yet, it is not wanted. What was installed for such a block is no longer
    wanted once the block is gone.
    """
    blocks = {section.name for section in config.server if section.from_}
    by_name = {spec.name: spec for spec in installed if spec.origin is not Origin.CONFIG or spec.name in blocks}
    for section in config.server:
        if section.from_:
            found = by_name.get(ServerName(section.name))
            if found is not None:
                by_name[found.name] = _overlay(found, section)
        else:
            spec = spec_of_section(section, origin, base_env)
            by_name[spec.name] = spec
    return sorted(by_name.values(), key=lambda spec: spec.name)


def _overlay(found: ServerSpec, section: ServerSection) -> ServerSpec:
    return msgspec.structs.replace(found, **shared_fields(section))


def missing_installs(config: Config, installed: Iterable[ServerSpec]) -> list[ServerSection]:
    """The `[[server]]` blocks with `from` whose content is not installed (or another one is)."""
    by_name = {spec.name: spec for spec in installed}
    return [
        section
        for section in config.server
        if section.from_
        and ((found := by_name.get(ServerName(section.name))) is None or not _comes_from(found, section.from_))
    ]


def _comes_from(found: ServerSpec, wanted_from: str) -> bool:
    """Whether an installed server is what `from` asks for, however that is spelled."""
    try:
        reference = parse_reference(wanted_from)
    except UsageError:
        return False  # installing it says what is wrong with it
    if reference.kind in LISTED:
        source, _, name = found.from_.partition(":")
        return (
            source in LISTED
            and reference.kind in {RefKind.LISTING, source}
            and name.partition("@")[0].casefold() == reference.identifier.casefold()
            and reference.version in {None, found.version}
        )
    return found.from_ == reference.text or found.from_.startswith((reference.text + "@", reference.text + "=="))
