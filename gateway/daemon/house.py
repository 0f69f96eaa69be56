"""The composition root: builds every room of a running daemon and plugs them into each other. Starts nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import structlog
from starlette.types import ASGIApp

from gateway import __version__
from gateway.config import Config
from gateway.daemon.bus import Bus
from gateway.daemon.changes import Changes
from gateway.daemon.deaths import DeathNotes
from gateway.daemon.downtime import Downtime
from gateway.daemon.installs import Installs, build_installs
from gateway.daemon.prestart import Prestarter
from gateway.daemon.requests import RequestDesk
from gateway.daemon.rooms import Site, app_of, endpoint_of, learner_of, metrics_of, reloader_of, supervisor_of
from gateway.daemon.starts import StartNotes
from gateway.daemon.switching import Switcher
from gateway.daemon.syncing import Syncing
from gateway.daemon.toolboard import ToolBoard
from gateway.daemon.versions import VersionLog
from gateway.daemon.workshop import Current, Effects, open_parts
from gateway.endpoint.endpoint import Endpoint
from gateway.endpoint.health import Readiness
from gateway.endpoint.settings import EndpointConfig
from gateway.install.containers.commands import runs_container
from gateway.learning.link import LearnerLink
from gateway.learning.live import REMEMBERED_CALLS, LivePolicy
from gateway.learning.recorder import Recorder
from gateway.model import ServerName, ServerSpec, SessionScope
from gateway.store.deaths import Deaths
from gateway.store.ledger_sink import LedgerSink
from gateway.store.policies import Policies
from gateway.store.tombstones import Tombstones
from gateway.supervisor.supervisor import Supervisor
from gateway.verbs.all import OnlineVerbs
from gateway.verbs.builtin import BuiltinVerbs
from gateway.verbs.committing import collect_content
from gateway.verbs.operate import massgen_text
from gateway.verbs.parts import Parts, Running

STARTED_S = 30.0  # how long an installation waits for its server to come up


@dataclass(slots=True)
class House:
    """Every part of a running daemon."""

    parts: Parts
    running: Running
    app: ASGIApp
    bus: Bus
    supervisor: Supervisor
    endpoint: Endpoint
    policy: LivePolicy
    learner: LearnerLink
    sink: LedgerSink
    board: ToolBoard
    tombstones: Tombstones
    installs: Installs
    desk: RequestDesk
    syncing: Syncing
    verbs: OnlineVerbs
    changes: Changes
    starts: StartNotes
    deaths: DeathNotes
    versions: VersionLog
    switcher: Switcher
    prestarter: Prestarter
    is_open: bool = False  # listening, and everything is in place
    is_draining: bool = False
    store_is_writable: bool = True
    required: frozenset[ServerName] = frozenset()

    async def reconcile(self) -> None:
        """Make what runs and what is shown follow what is wanted."""
        await self.supervisor.apply(self.switcher.but_switched(await self.show_wanted()))

    async def show_wanted(self) -> list[ServerSpec]:
        """Show the known tools of the wanted servers, and return those servers."""
        specs = await self.parts.wanted()
        # Also those of the configuration that are not installed (yet): the gateway is not ready without them.
        blocks = (section for section in self.parts.config().server if section.required)
        self.required = frozenset(
            [*(spec.name for spec in specs if spec.required), *(ServerName(section.name) for section in blocks)]
        )
        self.board.want(specs)
        return specs

    async def started(self, server: ServerName) -> None:
        """Wait (bounded) until a server's first start is decided and its tools are shown."""
        if server not in {spec.name for spec in await self.parts.wanted() if spec.session is SessionScope.SHARED}:
            return  # it starts when somebody needs it

        async def is_decided() -> bool:
            return server in self.changes.decided or server in self.supervisor.resting()

        with anyio.move_on_after(STARTED_S):
            await self.changes.until(is_decided)
            await self.board.caught_up()

    def is_serving(self, server: ServerName) -> bool:
        """Whether a server is ready, or will be with the next call."""
        return self.standings().get(server) in {"ready", "resting"}

    def standings(self) -> dict[str, str]:
        """The state of each server; `resting` for those that the next call starts."""
        return {**self.supervisor.states(), **dict.fromkeys(self.supervisor.resting(), "resting")}

    async def sweep_containers(self) -> None:
        """Remove the containers that an earlier life left with the engine; before any child of ours runs."""
        if any(runs_container(spec.launch) for spec in await self.parts.wanted()):
            await self.parts.installer.sweep_containers()

    async def retry(self, server: ServerName) -> None:
        """Start, or install, what is down or missing against our will: what it lacked may be there now."""
        if self.installs.is_behind:
            self.installs.configuration_changed()
        states = self.supervisor.states()
        if states.get(server) in {"failed", "backoff"}:
            await self.supervisor.restart(server)

    def not_ready(self) -> list[str]:
        """Why no work can be taken now; empty: it can."""
        behind = self.board.behind_on
        waiting = sorted(name for name in self.required if not self.is_serving(name) or name in behind)
        reasons = {
            "starting": not self.is_open,
            "stopping": self.is_draining,
            "the store cannot be written": not (self.sink.available and self.store_is_writable),
            f"waiting for {', '.join(waiting)}": bool(waiting),
        }
        return [reason for reason, holds in reasons.items() if holds]

    def readiness(self) -> Readiness:
        """Whether work can be taken now, and what is missing."""
        reasons = self.not_ready()
        return Readiness(ready=not reasons, details={"reasons": reasons})

    async def look_at_store(self) -> None:
        """Try to write, so that readiness can say whether that works; keep how servers started."""
        self.store_is_writable = await self.parts.db.is_writable()
        await self.starts.write()

    async def tidy_up(self) -> None:
        """Delete what killed installations left behind, and content that nobody needs any more."""
        await collect_content(self.parts)

    async def is_ready(self) -> bool:
        """Whether work can be taken now."""
        return self.readiness().ready

    async def is_settled(self) -> bool:
        """Whether no shared child is on its first way up any more; the others start when they are needed."""
        wanted = {spec.name for spec in await self.parts.wanted() if spec.session is SessionScope.SHARED}
        return wanted <= self.changes.decided | self.supervisor.resting()

    def massgen_block(self) -> str:
        """What MassGen accepts as it is."""
        return massgen_text(self.parts)

    async def apply_configuration(self, config: Config) -> None:
        """Follow a reloaded configuration."""
        self.endpoint.set_config(EndpointConfig.of(config))
        await self.reconcile()
        self.installs.configuration_changed()


@asynccontextmanager
async def build_house(site: Site) -> AsyncIterator[House]:
    """Open the store and build everything; closing it closes the store.

    Raises: StoreError.
    """
    current = Current(site.setup.config)
    built: list[House] = []
    # Asked for when needed: the house is built from the parts that will call back.
    effects = Effects(
        changed=lambda: built[0].reconcile(),  # noqa: PLW0108
        refresh=lambda name: built[0].board.refresh(name),  # noqa: PLW0108
        retry=lambda name: built[0].retry(name),  # noqa: PLW0108
        started=lambda name: built[0].started(name),  # noqa: PLW0108
        decided=lambda: built[0].desk.decided(),  # noqa: PLW0108
        switching=lambda name: built[0].switcher.switching(name),  # noqa: PLW0108
        is_ready=lambda name: built[0].is_serving(name),  # noqa: PLW0108
        vacancies=lambda: built[0].installs.vacancies,
        pending=lambda: built[0].installs.pending,
        publish=lambda fact: built[0].bus.publish(fact) if built else None,
    )
    opened = open_parts(site.setup, current, clock=site.clock, rng=site.rng, url=site.url, effects=effects)
    async with opened as parts:
        tombstones = Tombstones(parts.db)
        await tombstones.load(site.clock.wall())
        built.append(_furnish(site, current, parts, tombstones, lambda: built[0]))
        await built[0].board.recall()
        newest = await parts.ledger.newest(REMEMBERED_CALLS)
        built[0].prestarter.catch_up(newest)
        structlog.get_logger("learning").debug("calls_caught_up", count=built[0].policy.catch_up(newest))
        yield built[0]


def _furnish(site: Site, current: Current, parts: Parts, tombstones: Tombstones, house: Callable[[], House]) -> House:
    config, state, bus = site.setup.config, site.setup.state, Bus()
    supervisor = supervisor_of(site, current, parts, bus, lambda name: house().board.knows(name))  # noqa: PLW0108
    policy = LivePolicy(config=config.learning, directory=state.learning, clock=site.clock, rng=site.rng)
    versions = VersionLog(Policies(parts.db), site.clock)
    learner = learner_of(site, policy, versions)
    sink = LedgerSink(parts.ledger, site.clock, config.learning.keep_queries_days)
    endpoint = endpoint_of(site, supervisor, policy, bus, tombstones, BuiltinVerbs(lambda: house().running))
    board = ToolBoard(parts.definitions, endpoint.set_tools)
    metrics = metrics_of(site, endpoint, supervisor)
    changes, downtime, starts = Changes(), Downtime(), StartNotes(parts.tracks, parts.wanted)
    notes = (Recorder(bus.publish), starts, deaths := DeathNotes(Deaths(parts.db), parts.wanted))
    prestarter = Prestarter(supervisor.prestart, site.clock)
    for listener in (sink, policy, board, metrics, changes, downtime, prestarter, *notes):
        bus.subscribe(listener)
    running = _running(
        site, current, house, parts=parts, supervisor=supervisor, endpoint=endpoint, policy=policy, learner=learner,
        sink=sink, bus=bus, board=board, deaths=deaths,
    )  # fmt: skip
    verbs = OnlineVerbs(running)
    return House(
        parts=parts,
        running=running,
        app=app_of(site, current, parts, endpoint, verbs, metrics, lambda: house().readiness()),
        bus=bus,
        supervisor=supervisor,
        endpoint=endpoint,
        policy=policy,
        learner=learner,
        sink=sink,
        board=board,
        tombstones=tombstones,
        installs=build_installs(parts, state.root, downtime, seeds_starter=site.setup.seeds_starter, tell=site.tell),
        switcher=Switcher(supervisor, changes, parts, lambda: house().reconcile()),
        desk=RequestDesk(parts),
        syncing=Syncing(parts, site.rng),
        verbs=verbs,
        changes=changes,
        starts=starts,
        deaths=deaths,
        versions=versions,
        prestarter=prestarter,
    )


def _running(
    site: Site,
    current: Current,
    house: Callable[[], House],
    *,
    parts: Parts,
    supervisor: Supervisor,
    endpoint: Endpoint,
    policy: LivePolicy,
    learner: LearnerLink,
    sink: LedgerSink,
    bus: Bus,
    board: ToolBoard,
    deaths: DeathNotes,
) -> Running:
    return Running(
        parts=parts,
        version=__version__,
        started_at=site.clock.now(),
        supervisor=supervisor,
        endpoint=endpoint,
        policy=policy,
        learner=learner,
        ledger_sink=sink,
        publish=bus.publish,
        tool_counts=board.counts,
        definition_notes=board.notes,
        deaths_noted=deaths.write,
        not_ready=lambda: house().not_ready(),
        reload=reloader_of(site, current, parts, lambda fresh: house().apply_configuration(fresh)),
    )
