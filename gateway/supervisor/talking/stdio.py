"""`StdioConnection`: a process and a peer make one conversation over pipes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import anyio

from gateway.errors import (
    CallTimeout,
    ChildGone,
    ServerBusy,
    SpawnFailed,
)
from gateway.model import ServerName, StdioLaunch
from gateway.protocol import envelope, meta
from gateway.protocol.framing import LINE_CAP
from gateway.protocol.handshake import Agreed, Era, Handshake
from gateway.protocol.peer import Answered, Asked, Event, Late, Noise, Notified, Peer, Progress
from gateway.supervisor.causes import Cause
from gateway.supervisor.ports import Gone, OnNoise, OnNotify, OnTold, Prepare, unprepared
from gateway.supervisor.process import LIVING, READ_BYTES, ChildProcess
from gateway.supervisor.processes.environment import MissingSecretError, child_environment, fill
from gateway.supervisor.processes.outbox import WRITE_DEADLINE_S
from gateway.supervisor.processes.remnants import end_rest, family
from gateway.supervisor.processes.ring import LineRing
from gateway.supervisor.processes.tree import kill_tree
from gateway.supervisor.talking.outcomes import LISTEN_PARAMS, as_error
from gateway.supervisor.talking.patience import Patience
from gateway.supervisor.talking.shaking import PROBE_TIMEOUT_S, client_info, shake_hands

CHATTER = 64
CHATTER_READ_BYTES = 4 * 1024
"""Short lines that are no messages are dear to read: after many in one piece the next ones are taken in small bites,
so that everybody else has a turn in between."""

STDERR_LINES = 20  # how much of a dead child's last words an error carries


@dataclass(slots=True)
class _Waiter:
    """Who waits for an answer."""

    future: asyncio.Future[bytes]
    patience: Patience
    on_notify: OnNotify | None


class StdioConnection:
    """Satisfies `ports.Connection` for a server that runs here."""

    def __init__(
        self,
        server: ServerName,
        launch: StdioLaunch,
        secrets: Mapping[str, str],
        *,
        version: str,
        on_told: OnTold,
        on_noise: OnNoise = lambda: None,
        stderr: LineRing,
        start_timeout_s: float,
        probe: bool = True,
        write_deadline_s: float = WRITE_DEADLINE_S,
        probe_timeout_s: float = PROBE_TIMEOUT_S,
        line_cap: int = LINE_CAP,
        prepare: Prepare = unprepared,
        home: str = "",
    ) -> None:
        self._server = server
        self._launch = launch
        self._secrets = secrets
        self._prepare = prepare
        self._home = home
        self._client = client_info(version)
        self._on_told = on_told
        self._on_noise = on_noise
        self._stderr = stderr
        self._start_timeout_s = start_timeout_s
        self._probe = probe
        self._write_deadline_s = write_deadline_s
        self._probe_timeout_s = probe_timeout_s
        self._peer: Peer[_Waiter] = Peer(line_cap=line_cap)
        self._process: ChildProcess | None = None
        self._agreed: Agreed | None = None
        self._end_reason = ""
        self._cause: Cause | None = None
        self.gone = anyio.Event()
        self.noise = 0
        self.heard = 0
        self.late = 0
        self._unwanted: set[str] = set()  # questions of the handshake that were given up: nobody's calls
        self.on_late: Callable[[], None] = lambda: None

    @property
    def pid(self) -> int | None:
        """The process, once it runs."""
        return self._process.pid if self._process is not None else None

    async def open(self) -> Agreed:
        """Start the process and shake hands. Raises: SpawnFailed, HandshakeFailed, ChildGone."""
        env = self._environment()
        prepared = await self._prepare(self._launch.argv, env, self._launch.cwd)
        self._process = await ChildProcess.start(
            self._server,
            prepared.argv,
            {**env, **prepared.env},
            cwd=prepared.cwd or self._launch.cwd,
            wrapped=prepared.is_wrapped,
            orders=prepared.orders,
            why_ended=prepared.why_ended,
            on_data=self._received,
            on_end=self._ended,
            stderr=self._stderr,
            write_deadline_s=self._write_deadline_s,
        )
        handshake = Handshake(self._client, probe=self._probe)
        agreed = await shake_hands(
            self._server,
            handshake,
            self.ask,
            timeout_s=self._start_timeout_s,
            probe_timeout_s=self._probe_timeout_s,
        )
        if agreed.era is Era.LEGACY:
            self._process.outbox.write(self._peer.notify("notifications/initialized"))
        else:
            self._peer.speak(meta.stamp_for(agreed.revision, self._client))
        self._agreed = agreed
        return agreed

    async def ask(
        self,
        method: str,
        params: bytes,
        *,
        timeout_s: float,
        limit_s: float | None = None,
        on_notify: OnNotify | None = None,
        may_cancel: bool = True,
    ) -> bytes:
        """Send a request and return the raw result; see `ports.Connection.ask`."""
        process = self._process
        if process is None or self.gone.is_set():
            raise self._child_gone()
        if process.outbox.is_full:
            raise ServerBusy(self._server, self._peer.open_calls)
        patience = Patience(timeout_s, limit_s)
        waiter = _Waiter(asyncio.get_running_loop().create_future(), patience, on_notify)
        track = on_notify is not None or limit_s is not None
        wire_id, data = self._peer.call(waiter, method, params, track=track)
        process.outbox.write(data)
        try:
            with patience.scope:
                return await waiter.future
        except asyncio.CancelledError:
            self._give_up(wire_id, "the caller cancelled", tell=may_cancel)
            raise
        self._give_up(wire_id, "the deadline passed", tell=may_cancel)
        raise CallTimeout(self._server, round(patience.waited_s, 3), allowed_s=patience.allowed_s)

    async def listen(self) -> None:
        """Ask a modern server for its notices; a legacy one sends them unasked."""
        if self._agreed is not None and self._agreed.era is Era.MODERN:
            await self.ask("subscriptions/listen", LISTEN_PARAMS, timeout_s=float("inf"))

    def cut(self, reason: str, cause: Cause, *, at_once: bool = False) -> None:
        """Answer who waits, read no more; `at_once`: kill it and all that it started. See `ports.Connection.cut`."""
        if not self.gone.is_set():
            self._finish(reason, cause)
        if self._process is not None:
            self._process.pause_reading()
            if at_once and not self._process.exited.is_set():
                kill_tree(self._process.pid)

    async def close(self, *, grace_s: float) -> Gone:
        """Walk the process down its stop ladder, and end what it leaves behind."""
        if self._process is None:
            return Gone(self._end_reason or "it was not started", cause=self._cause or Cause.SPAWN)
        early, cause = self._end_reason, self._cause
        tree = family(self._process.pid) if not self._process.exited.is_set() else []
        gone = await self._process.stop(grace_s)
        await end_rest(tree, LIVING)
        if not early or early == gone.reason:
            return gone
        # It was cut off before it ended (deaf, or silent for good): that is the reason, its exit only the outcome.
        return Gone(f"{early}; {gone.reason}", gone.code, gone.signal, cause or gone.cause)

    def _environment(self) -> dict[str, str]:
        try:
            env = fill(self._launch.env, self._secrets)
        except MissingSecretError as exc:
            raise SpawnFailed(
                self._server,
                f"{self._server} cannot start: {exc.message}",
                fix=f"mcp-gateway secret set {self._server} {exc.key}=-",
            ) from exc
        return child_environment(self._server, env, os.environ, home=self._home)

    def _give_up(self, wire_id: int, reason: str, *, tell: bool) -> None:
        told = self._peer.cancel(wire_id, reason)
        if not tell:
            self._unwanted.add(str(wire_id))
        if told is not None and tell and self._process is not None:
            self._process.outbox.write(told)

    def _received(self, data: bytes) -> None:
        if self.gone.is_set():
            return
        before = self.noise
        for event in self._peer.events(data):
            self._happened(event)
            if self.gone.is_set():  # cut off for what this line was: the rest of the flood is not even looked at
                return
        reply = self._peer.data_to_send()
        if self._process is not None:
            self._process.read_bytes = CHATTER_READ_BYTES if self.noise - before > CHATTER else READ_BYTES
            if reply:
                self._reply(self._process, reply)

    def _reply(self, process: ChildProcess, reply: bytes) -> None:
        """Answer what it asked. One that asks and does not read the answers is not listened to until it does."""
        process.outbox.reply(reply)
        if process.outbox.owes_much:
            process.pause_reading()
            process.outbox.on_drained = self._listen_again

    def _listen_again(self) -> None:
        if self._process is not None and not self.gone.is_set():
            self._process.resume_reading()

    def _happened(self, event: Event[_Waiter]) -> None:
        match event:
            case Noise():
                self._strayed(event.text)
                return
            case Answered():
                self._settle(event.token, event.outcome)
            case Progress():
                event.token.patience.extend()
                if event.token.on_notify is not None and event.params is not None:
                    event.token.on_notify("notifications/progress", event.params)
            case Notified():
                self._on_told(event.method, event.params)
            case Late():
                self._came_late(event)
            case Asked():
                pass
        self.heard += 1

    def _came_late(self, event: Late) -> None:
        if str(event.wire_id) not in self._unwanted:
            self.late += 1
            self.on_late()

    def _strayed(self, text: str) -> None:
        self.noise += 1
        if text:
            self._stderr.add(f"[stdout] {text}")
        self._on_noise()

    def _settle(self, waiter: _Waiter, outcome: envelope.Success | envelope.Failure | envelope.Noise) -> None:
        if waiter.future.done():
            return
        if isinstance(outcome, envelope.Success):
            waiter.future.set_result(outcome.result)
        else:
            waiter.future.set_exception(as_error(self._server, outcome))

    def _ended(self, reason: str) -> None:
        if not self.gone.is_set():
            self._finish(reason, self._process.cause if self._process is not None else Cause.EXIT)

    def _finish(self, reason: str, cause: Cause) -> None:
        """Callers first: whoever waits for `gone` has slower things to do."""
        self._end_reason, self._cause = reason, cause
        tail = self._stderr.tail(STDERR_LINES)
        for waiter in self._peer.receive_eof():
            if not waiter.future.done():
                waiter.future.set_exception(ChildGone(self._server, reason=reason, stderr_tail=tail))
        self.gone.set()

    def _child_gone(self) -> ChildGone:
        reason = self._end_reason or "it does not run"
        return ChildGone(self._server, reason=reason, stderr_tail=self._stderr.tail(STDERR_LINES))
