"""`mcp-gateway serve`: the daemon's task tree, from the first bound socket to the last flushed fact.

Shutdown is the same tree backwards: stop accepting, let calls in flight finish (bounded), stop every child, flush the
ledger.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TextIO, cast

import anyio
import structlog
from anyio.abc import TaskGroup

from gateway import __version__
from gateway.clock import Clock, SystemClock, rfc3339
from gateway.daemon.announce import Announcement, announcement
from gateway.daemon.house import House, Site, build_house
from gateway.daemon.http import LAST_ANSWERS_S, HttpServer, listen
from gateway.daemon.logs import configure_logs
from gateway.daemon.notify import Notifier
from gateway.daemon.options import ServeOptions
from gateway.daemon.progress import InstallDisplay
from gateway.daemon.setup import Setup, process_environment, read_setup
from gateway.daemon.state import StateLock
from gateway.daemon.tokens import ADMIN, AGENTS
from gateway.errors import GatewayError

SETTLE_S = 60.0  # how long the start-up message waits for children that are still starting
STORE_LOOK_S = 30.0  # how soon a full disk shows in /readyz; each look writes one page
FLUSH_S = 10.0  # how long the last facts may take to be committed
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - addresses to listen on, not to call


def serve(options: ServeOptions) -> int:
    """Run the daemon until it is told to stop; returns its exit status.

    Raises: ConfigError, AlreadyRunning, StoreError, GatewayError.
    """
    env = process_environment()
    setup = read_setup(options, env)
    display = InstallDisplay(sys.stderr)
    configure_logs(setup.config.gateway.log, setup.config.gateway.log_level, cast("TextIO", display))
    setup.state.prepare()
    with StateLock(setup.state):
        anyio.run(_Daemon(setup, options, env, display).run, backend_options={"use_uvloop": True})
    return 0


class _Daemon:
    def __init__(self, setup: Setup, options: ServeOptions, env: Mapping[str, str], display: InstallDisplay) -> None:
        self._display = display
        self._setup = setup
        self._options = options
        self._env = env
        self._clock: Clock = SystemClock()
        # Both the keeper (the service's main process) and we may be meant by WATCHDOG_PID.
        self._notifier = Notifier(os.environ, self._clock, pids=(os.getpid(), os.getppid()))
        self._stop = anyio.Event()
        self._log = structlog.get_logger("daemon")

    async def run(self) -> None:
        gateway = self._setup.config.gateway
        with listen(gateway.host, gateway.port) as sock:
            port = sock.getsockname()[1]
            self._setup = replace(self._setup, config=replace(self._setup.config, gateway=replace(gateway, port=port)))
            host = _WILDCARDS.get(gateway.host, gateway.host)
            url = f"http://[{host}]:{port}/mcp" if ":" in host else f"http://{host}:{port}/mcp"
            site = Site(
                setup=self._setup,
                options=self._options,
                env=self._env,
                clock=self._clock,
                rng=random.Random(),
                url=url,
                tell=self._display,
            )
            async with build_house(site) as house:
                await self._live(house, HttpServer(house.app, sock), url)

    async def _live(self, house: House, http: HttpServer, url: str) -> None:
        async with anyio.create_task_group() as memory:
            # What remembers outlives what acts: the last facts are still committed.
            await memory.start(house.sink.run)
            memory.start_soon(house.board.run)
            memory.start_soon(house.versions.run)
            async with anyio.create_task_group() as rooms:
                await self._open(house, http, url, rooms)
                await self._stop.wait()
                self._notifier.stopping("letting calls in flight finish")
                await self._drain(house, http)
                rooms.cancel_scope.cancel()
            house.policy.flush()
            with anyio.move_on_after(FLUSH_S):
                await house.sink.committed()
            memory.cancel_scope.cancel()
        self._log.info("stopped")

    async def _open(self, house: House, http: HttpServer, url: str, rooms: TaskGroup) -> None:
        await rooms.start(self._signals, house)
        await rooms.start(house.supervisor.run)
        await rooms.start(house.endpoint.run)
        await rooms.start(house.learner.run)
        # Before the first client is answered: a list without the known tools would be kept for a whole session.
        await house.show_wanted()
        await rooms.start(http.run_until_stopped)
        self._setup.state.write_daemon_file(url=url, version=__version__, started_at=rfc3339(self._clock.wall()))
        await house.sweep_containers()
        await house.reconcile()
        house.is_open = True
        rooms.start_soon(self._watchdog)
        rooms.start_soon(self._watch_store, house)
        rooms.start_soon(self._settle, house, url)
        if not self._setup.serves_file:
            rooms.start_soon(house.syncing.run)
        self._log.info("serving", url=url, version=__version__, state=str(self._setup.state.root))

    async def _signals(self, house: House, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            task_status.started()
            async for number in signals:
                if number == signal.SIGHUP:
                    await self._reload(house)
                else:
                    self._stop.set()

    async def _reload(self, house: House) -> None:
        self._notifier.reloading()
        try:
            await house.running.reload()
        except GatewayError as exc:
            self._log.error("reload_refused", reason=exc.message, fix=exc.fix)
        self._notifier.ready()

    async def _watchdog(self) -> None:
        interval_s = self._notifier.watchdog_interval_s
        while interval_s is not None:
            self._notifier.watchdog()
            await anyio.sleep(interval_s)

    async def _watch_store(self, house: House) -> None:
        while True:
            await house.look_at_store()
            await anyio.sleep(STORE_LOOK_S)

    async def _settle(self, house: House, url: str) -> None:
        """Become ready, install what is missing, say where everything is, then keep up."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._tell_ready, house)
            tasks.start_soon(house.desk.run)
            await house.tidy_up()
            await house.installs.round()
            with anyio.move_on_after(SETTLE_S):
                await house.changes.until(house.is_settled)
                await house.board.caught_up()
            self._display.finish()
            self._announce(house, url)
            await house.installs.keep_up()

    async def _tell_ready(self, house: House) -> None:
        await house.changes.until(house.is_ready)
        self._notifier.ready(f"serving {len(house.supervisor.status())} servers")

    def _announce(self, house: House, url: str) -> None:
        tokens = house.parts.tokens
        told = Announcement(
            url=url,
            agents=tokens.load(AGENTS).place,
            admin=tokens.load(ADMIN).place,
            auth_enabled=self._setup.config.auth.enabled,
            massgen=house.massgen_block(),
            servers={row["name"]: row["state"] for row in house.supervisor.status()},
        )
        sys.stdout.write(announcement(told))
        sys.stdout.flush()

    async def _drain(self, house: House, http: HttpServer) -> None:
        house.is_draining = True
        http.stop_accepting()
        await house.supervisor.drain(self._setup.config.gateway.drain_s)
        await anyio.sleep(LAST_ANSWERS_S)
        http.hurry()
