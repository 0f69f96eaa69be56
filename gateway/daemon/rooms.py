"""Builds the single rooms of a house, from what stands fixed before it is built. Starts nothing."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.types import ASGIApp

from gateway import __version__
from gateway.admin.api import build_admin
from gateway.admin.ports import RunningVerbs
from gateway.admin.web.pages import login_page
from gateway.admin.web.session import UiKeys
from gateway.clock import Clock
from gateway.config import Config
from gateway.daemon.bus import Bus
from gateway.daemon.confinement import confiner_of, limits_of
from gateway.daemon.http import Router
from gateway.daemon.installs import Tell
from gateway.daemon.lag import LagMeter
from gateway.daemon.options import ServeOptions
from gateway.daemon.reload import Reloader
from gateway.daemon.setup import Setup
from gateway.daemon.tokens import ADMIN, AGENTS
from gateway.daemon.versions import VersionLog
from gateway.daemon.workshop import Current, fresh_secrets, remote_transport, store_url
from gateway.endpoint.endpoint import Endpoint
from gateway.endpoint.gate import Gate, is_admin
from gateway.endpoint.health import Readiness, health_routes
from gateway.endpoint.metrics import Metrics
from gateway.endpoint.ports import Upstreams, Verbs
from gateway.endpoint.settings import EndpointConfig
from gateway.endpoint.tokens import Tokens
from gateway.learning.link import LearnerLink
from gateway.learning.live import LivePolicy
from gateway.model import ServerName
from gateway.store.tombstones import Tombstones
from gateway.supervisor.process import spawn_lines
from gateway.supervisor.supervisor import Supervisor
from gateway.verbs.parts import Parts


@dataclass(frozen=True, slots=True)
class Site:
    """What a house is built from."""

    setup: Setup
    options: ServeOptions
    env: Mapping[str, str]
    clock: Clock
    rng: random.Random
    url: str  # of the MCP endpoint
    tell: Tell
    lag: LagMeter | None = None


def metrics_of(site: Site, endpoint: Endpoint, supervisor: Supervisor) -> Metrics:
    """Build what `/metrics` shows."""
    metrics = Metrics(__version__, site.clock)
    metrics.watch_in_flight(lambda: endpoint.in_flight)
    metrics.watch_servers(supervisor.status)
    if (lag := site.lag) is not None:
        metrics.watch_lag(lambda: lag.worst_s)
    return metrics


def reloader_of(site: Site, current: Current, parts: Parts, apply: Callable[[Config], Awaitable[None]]) -> Reloader:
    """Build what reads the configuration again."""
    return Reloader(
        options=site.options,
        env=site.env,
        current=current,
        wanted=parts.wanted,
        apply=apply,
    )


def supervisor_of(
    site: Site, current: Current, parts: Parts, bus: Bus, knows_tools: Callable[[ServerName], bool]
) -> Supervisor:
    """Build the set of children."""
    confiner = confiner_of(site.setup)
    return Supervisor(
        clock=site.clock,
        publish=bus.publish,
        rng=site.rng,
        secrets=lambda name: parts.badge.with_mark(parts.secrets.get(name)),
        version=__version__,
        start_parallel=site.setup.config.gateway.start_parallel,
        remote_transport=lambda: parts.badge.transport(remote_transport(current())),
        refresh=lambda name, _refused: fresh_secrets(parts, name),
        home=site.setup.state.identity,
        confine=confiner,
        confinement=confiner.row,
        limits=limits_of(site.setup, site.clock),
        knows_tools=knows_tools,
    )


def learner_of(site: Site, policy: LivePolicy, versions: VersionLog) -> LearnerLink:
    """Build the link to the learner's process."""
    return LearnerLink(
        policy=policy,
        spawn=spawn_lines,
        store_url=store_url(site.setup),
        directory=site.setup.state.learning,
        config=site.setup.config.learning,
        clock=site.clock,
        environ=site.env,
        on_adopted=versions,
    )


def endpoint_of(
    site: Site, upstreams: Upstreams, policy: LivePolicy, bus: Bus, tombstones: Tombstones, verbs: Verbs
) -> Endpoint:
    """Build the MCP face."""
    return Endpoint(
        upstreams=upstreams,
        chooser=policy,
        publish=bus.publish,
        clock=site.clock,
        rng=site.rng,
        config=EndpointConfig.of(site.setup.config),
        session_key=site.setup.state.key("session"),
        args_key=site.setup.state.key("arguments"),
        tombstones=tombstones,
        verbs=verbs,
        version=__version__,
    )


def app_of(
    site: Site,
    current: Current,
    parts: Parts,
    endpoint: Endpoint,
    verbs: RunningVerbs,
    metrics: Metrics,
    readiness: Callable[[], Readiness],
) -> ASGIApp:
    """Build all that is served over HTTP, behind its gate."""

    def tokens() -> Tokens:
        if not current().auth.enabled:
            return Tokens.off()
        return Tokens.of(parts.tokens.load(AGENTS).value, parts.tokens.load(ADMIN).value)

    if current().auth.enabled:
        parts.tokens.check_distinct()  # which makes both files: a person finds them as soon as the gateway listens
    ui = UiKeys(
        key=site.setup.state.key("ui"),
        is_admin_token=lambda token: (grant := tokens().check(token)) is not None and grant.admin,
        clock=site.clock,
        generation=lambda: parts.tokens.load(ADMIN).principal,
    )
    admin = build_admin(verbs, version=__version__, ui=ui)
    health = Starlette(routes=health_routes(readiness, metrics.told, is_admin))
    apps: dict[str, ASGIApp] = {"/mcp": endpoint.mcp_app, "/api/v1": admin, "/ui": admin}
    gateway, auth = site.setup.config.gateway, site.setup.config.auth
    return Gate(
        Router(apps | dict.fromkeys(("/healthz", "/readyz", "/metrics"), health)),
        tokens=tokens,
        allowed_hosts=(gateway.host, *auth.allowed_hosts),
        allowed_origins=auth.allowed_origins,
        ui_cookie_ok=ui.cookie_ok,
        login_page=login_page,
        on_refused=metrics.rejected,
    )
