"""`mcp-gateway serve`: the daemon's task tree, from the first bound socket to the last flushed fact.

Shutdown is the same tree backwards: stop accepting, let calls in flight finish (bounded), stop every child, flush the
ledger. A second signal cuts all of that short. Signals, the loop's delay and the watchdog outlive everything else.
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
from gateway.daemon.ending import Ending, calls_done, leave_within
from gateway.daemon.house import House, build_house
from gateway.daemon.http import HttpServer, listen
from gateway.daemon.lag import LagMeter, TracebackAlarm, feed, is_well, show_tracebacks_on_request
from gateway.daemon.logs import configure_logs
from gateway.daemon.notify import Notifier, status_text
from gateway.daemon.options import ServeOptions
from gateway.daemon.progress import InstallDisplay
from gateway.daemon.rooms import Site
from gateway.daemon.setup import Setup, process_environment, read_setup
from gateway.daemon.state import StateLock
from gateway.daemon.survival import survived
from gateway.daemon.tokens import ADMIN, AGENTS
from gateway.errors import GatewayError
from gateway.supervisor.processes.leftovers import sweep

SETTLE_S = 60.0  # how long the start-up message waits for children that are still starting
STORE_LOOK_S = 30.0  # how soon a full disk shows in /readyz; each look writes one page
PRIVATE_LOOK_S = 5.0  # how soon a private file whose mode somebody changed is closed again
FLUSH_S = 10.0  # how long the last facts may take to be committed
LEAVE_S = 5.0  # all is written down: a thread that hangs in a file system is not waited for
HURRIED_S = 15.0  # the second signal's word: killing takes moments, and the last facts have FLUSH_S
STATUS_LOOK_S = 2.0  # how soon `systemctl status` follows what servers do
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
    show_tracebacks_on_request()
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
        self._ending = Ending()
        self._lag = LagMeter(self._clock, TracebackAlarm())
        self._house: House | None = None
        self._opened, self._reloading = anyio.Event(), anyio.Lock()
        self._log = structlog.get_logger("daemon")

    async def run(self) -> None:
        problem: GatewayError | None = None  # carried out of the group by hand: a group would wrap it
        async with anyio.create_task_group() as keeping:
            await keeping.start(self._signals)
            keeping.start_soon(self._lag.run)
            keeping.start_soon(self._watchdog)
            keeping.start_soon(self._ending.cut_short)
            try:
                await self._sweep_leftovers()
                await self._serve()
            except GatewayError as exc:
                problem = exc
            leave_within(LEAVE_S, status=int(problem is not None))
            keeping.cancel_scope.cancel()
        if problem is not None:
            raise problem

    async def _sweep_leftovers(self) -> None:
        """The lock is ours: what carries our mark was left by a life that ended together with its keeper."""
        if ended := await sweep(self._setup.state.identity, self._clock):
            self._log.warning("leftovers_ended", count=len(ended), pids=ended)

    async def _serve(self) -> None:
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
                lag=self._lag,
            )
            async with build_house(site) as house:
                await self._live(house, HttpServer(house.app, sock), url)

    async def _live(self, house: House, http: HttpServer, url: str) -> None:
        self._house = house
        house.is_draining = self._ending.asked.is_set()
        async with anyio.create_task_group() as memory:
            # What remembers outlives what acts: the last facts are still committed.
            await memory.start(house.sink.run)
            memory.start_soon(house.board.run)
            memory.start_soon(house.versions.run)
            memory.start_soon(house.deaths.run)
            async with anyio.create_task_group() as rooms:
                await self._open(house, http, url, rooms)
                await self._ending.asked.wait()
                await self._drain(house, http)
                rooms.cancel_scope.cancel()
            self._notifier.status("writing down the last facts")
            house.policy.flush()
            with anyio.move_on_after(FLUSH_S):
                await house.sink.committed()
            memory.cancel_scope.cancel()
        self._log.info("stopped")

    async def _open(self, house: House, http: HttpServer, url: str, rooms: TaskGroup) -> None:
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
        self._opened.set()
        rooms.start_soon(self._tell_status, house)
        rooms.start_soon(self._watch_store, house)
        rooms.start_soon(self._keep_private)
        rooms.start_soon(self._settle, house, url)
        if not self._setup.serves_file:
            rooms.start_soon(house.syncing.run)
        self._log.info("serving", url=url, version=__version__, state=str(self._setup.state.root))

    async def _signals(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async with anyio.create_task_group() as reloads:  # beside: a long one must not keep a TERM waiting
                task_status.started()
                async for number in signals:
                    if number == signal.SIGHUP:
                        reloads.start_soon(self._reload)
                    else:
                        self._ending.ask()
                        if self._ending.hurried.is_set():
                            leave_within(HURRIED_S, status=1)
                        if self._house is not None:
                            self._house.is_draining = True

    async def _reload(self) -> None:
        await self._opened.wait()
        if self._ending.asked.is_set():
            return
        async with self._reloading:
            await self._apply(cast("House", self._house))

    async def _apply(self, house: House) -> None:
        self._notifier.reloading()
        with survived("reload_failed"):  # a file may say anything; it may not end the daemon
            try:
                await house.running.reload()
            except GatewayError as exc:
                self._log.error("reload_refused", reason=exc.message, fix=exc.fix)
        if not self._ending.asked.is_set():
            self._notifier.ready()

    async def _watchdog(self) -> None:
        interval_s = self._notifier.watchdog_interval_s
        if interval_s is not None:
            await feed(self._notifier.watchdog, self._is_well, interval_s=interval_s)

    def _is_well(self) -> bool:
        ticked_at = self._house.supervisor.ticked_at if self._house is not None else None
        is_expected = ticked_at is not None and not self._ending.asked.is_set()
        return is_well(self._lag.now_s, self._clock.now() - ticked_at if is_expected and ticked_at else None)

    async def _tell_status(self, house: House) -> None:
        said = ""
        while self._notifier.is_active:
            if house.is_open and not house.is_draining and (text := status_text(house.standings())) != said:
                said = text
                self._notifier.status(text)
            await anyio.sleep(STATUS_LOOK_S)

    async def _watch_store(self, house: House) -> None:
        while True:
            await house.look_at_store()
            await anyio.sleep(STORE_LOOK_S)

    async def _keep_private(self) -> None:
        """Before the first server runs, and ever after: nobody but us may open what is ours."""
        while True:
            if changed := await anyio.to_thread.run_sync(self._setup.state.close_again):
                self._log.warning("made_private_again", count=len(changed), places=changed[:10])
            await anyio.sleep(PRIVATE_LOOK_S)

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
        self._notifier.ready(status_text(house.standings()))

    def _announce(self, house: House, url: str) -> None:
        tokens = house.parts.tokens
        told = Announcement(
            url=url,
            agents=tokens.load(AGENTS).place,
            admin=tokens.load(ADMIN).place,
            auth_enabled=self._setup.config.auth.enabled,
            massgen=house.massgen_block(),
            servers=house.standings(),
        )
        sys.stdout.write(announcement(told))
        sys.stdout.flush()

    async def _drain(self, house: House, http: HttpServer) -> None:
        house.is_draining = True
        house.endpoint.drain()
        count, within_s = house.endpoint.in_flight, self._setup.config.gateway.drain_s
        self._notifier.stopping(f"letting {count} calls in flight finish, for at most {within_s:g} s")
        self._log.info("stopping", in_flight=count)
        finished = await self._ending.finish_calls(
            http,
            lambda: calls_done(house.supervisor, house.endpoint),
            within_s,
            cut_calls=lambda: house.supervisor.cut_calls("the gateway is stopping"),
        )
        if not finished:
            self._log.warning(
                "calls_cut_off", in_flight=house.endpoint.in_flight, hurried=self._ending.hurried.is_set()
            )
        self._notifier.status("stopping servers")
