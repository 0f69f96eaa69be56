"""`RemoteConnection`: a server somewhere else, spoken to over Streamable HTTP with raw payloads.

An own small client on httpx: the SDK's cannot re-initialise after a 404, and types what it relays. A request is sent
again only where the server surely never ran it: it said that it forgot our session, it refused our credentials, or
the message never left us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

import anyio
import structlog

from gateway.errors import CallTimeout, ChildGone, GatewayError, HandshakeFailed, SpawnFailed
from gateway.model import RemoteLaunch, ServerName
from gateway.protocol import envelope
from gateway.protocol.handshake import Agreed
from gateway.supervisor.causes import Cause
from gateway.supervisor.ports import Gone, OnNoise, OnNotify, OnTold, Refresh
from gateway.supervisor.talking.http.access import Access, access_to
from gateway.supervisor.talking.http.courier import Courier
from gateway.supervisor.talking.http.faults import NeverSent
from gateway.supervisor.talking.http.notices import Notices
from gateway.supervisor.talking.http.opening import Opening, TurnedAway, no_access
from gateway.supervisor.talking.http.posting import Call, Poster
from gateway.supervisor.talking.http.refusals import AccessRefused, PersonNeeded, SessionLost
from gateway.supervisor.talking.http.session import Session
from gateway.supervisor.talking.http.wire import Transport, Wire
from gateway.supervisor.talking.outcomes import LISTEN_PARAMS
from gateway.supervisor.talking.patience import Patience
from gateway.supervisor.talking.shaking import PROBE_TIMEOUT_S, client_info

log = structlog.get_logger("supervisor")

REFRESH_S: Final = 30.0
"""How long whoever knows better credentials may look for them."""

SEND_AGAIN_S: Final = 0.2
"""Before a message that never left is sent once more."""

LIST_CHANGED: Final = "notifications/tools/list_changed"


async def no_others(_server: ServerName, _refused: Mapping[str, str]) -> None:
    """There is nobody who knows other credentials."""


class RemoteConnection:
    """Satisfies `ports.Connection` for a server reached by URL."""

    def __init__(
        self,
        server: ServerName,
        launch: RemoteLaunch,
        secrets: Mapping[str, str],
        *,
        version: str,
        on_told: OnTold,
        transport: Transport | None,
        start_timeout_s: float,
        probe: bool = True,
        probe_timeout_s: float = PROBE_TIMEOUT_S,
        on_trouble: Callable[[], None] = lambda: None,
        on_noise: OnNoise = lambda: None,
        refresh: Refresh = no_others,
    ) -> None:
        self._server, self._launch, self._secrets = server, launch, secrets
        self._transport = transport
        self._on_told, self._on_trouble, self._refresh = on_told, on_trouble, refresh
        info = client_info(version)
        self._opening = Opening(
            server, launch, info, self._opening_sent, start_timeout_s, probe=probe, probe_timeout_s=probe_timeout_s
        )
        self._poster = Poster(server, info, on_noise=on_noise)
        self._courier = Courier()
        self._notices = Notices(self._listen_once, on_gap=self._look_again)
        self._wire: Wire | None = None
        self._session = Session()
        self._renewing, self._refreshing = anyio.Lock(), anyio.Lock()
        self._open: set[Patience] = set()
        self._closed, self._cause = "", Cause.LOST
        self._wait_s: float | None = None
        self.gone = anyio.Event()
        # Whoever gives a request up closes its stream: no answer can come late.
        self.late = 0
        self.on_late: Callable[[], None] = lambda: None

    @property
    def pid(self) -> int | None:
        """Remote: no process of ours."""
        return None

    @property
    def noise(self) -> int:
        """How many messages made no sense."""
        return self._poster.noise

    @property
    def heard(self) -> int:
        """How many did."""
        return self._poster.heard

    async def open(self) -> Agreed:
        """Connect and shake hands. Raises: SpawnFailed, HandshakeFailed, ChildGone."""
        try:
            self._wire = Wire(self._server, access_to(self._server, self._launch, self._secrets), self._transport)
            self._session = await self._shaken()
        except SpawnFailed:
            self._cause = Cause.SPAWN
            raise
        except HandshakeFailed:
            self._cause = Cause.HANDSHAKE
            raise
        except TurnedAway as exc:
            self._wait_s = exc.retry_after_s
            raise
        assert self._session.agreed is not None  # noqa: S101 - that is what a handshake is for; for the type checker
        return self._session.agreed

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
        """Send a request and return the raw result; see `ports.Connection.ask`. Raises ServerOverloaded as well."""
        call = Call(method, params, Patience(timeout_s, limit_s), self._on_told, on_notify, may_cancel)
        try:
            return await self._bounded(call, self._in_session)
        except PersonNeeded as exc:
            self.cut(exc.reason, Cause.LOST)  # its next start tells what is to be done
            raise
        except SpawnFailed as exc:  # our credentials or its address are refused by now: a start says so, with the fix
            self.cut(f"{exc.message}. {exc.fix}".strip(), Cause.LOST)
            raise ChildGone(self._server, reason=self._closed, ran=False) from exc
        except ChildGone:
            self._on_trouble()
            raise

    async def listen(self) -> None:
        """Keep the stream of notices open, where the server has one, and send what is only polite."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._courier.run)
            await self._notices.run()

    def cut(self, reason: str, cause: Cause, *, at_once: bool = False) -> None:  # noqa: ARG002 - no process to kill
        """End every open request with this reason. See `ports.Connection.cut`."""
        if self._closed:
            return
        self._closed, self._cause = reason, cause
        for patience in list(self._open):
            patience.scope.cancel()
        self.gone.set()

    async def close(self, *, grace_s: float) -> Gone:
        """End the session politely; open requests get ChildGone."""
        self.cut("its connection was closed", self._cause)
        if self._wire is not None:
            await self._poster.end(self._wire, self._session, grace_s)
            await self._wire.close()
            self._wire = None
        return Gone(self._closed, cause=self._cause, retry_after_s=self._wait_s)

    # One request.

    async def _bounded(self, call: Call, send: Callable[[Call], Awaitable[bytes]]) -> bytes:
        """Send within the call's patience, and tell the server when nobody waits any more."""
        self._living()
        self._open.add(call.patience)
        try:
            with call.patience.scope:
                return await send(call)
        except asyncio.CancelledError:
            self._cancel(call, "the caller cancelled")
            raise
        finally:
            self._open.discard(call.patience)
        if self._closed:
            raise ChildGone(self._server, reason=self._closed, ran=False if call.unrun else None)
        self._cancel(call, "the deadline passed")
        raise CallTimeout(self._server, round(call.patience.waited_s, 3), allowed_s=call.patience.allowed_s)

    async def _in_session(self, call: Call) -> bytes:
        """Send it, and again where the server surely did not run it: once for each reason."""
        excused: set[type[Exception]] = set()
        while True:
            if self._renewing.locked():  # no request may slip into a handshake that is going on
                async with self._renewing:
                    pass
            wire, session = self._living(), self._session
            access = wire.access
            try:
                return await self._poster.post(wire, call, session)
            except (SessionLost, AccessRefused, NeverSent) as exc:
                call.unrun = True
                await self._mend(exc, wire, access, session, is_second=type(exc) in excused)
                excused.add(type(exc))

    async def _mend(self, exc: Exception, wire: Wire, access: Access, session: Session, *, is_second: bool) -> None:
        """See to it that a request can be sent again. Raises: ChildGone, SpawnFailed when it cannot."""
        match exc:
            case SessionLost():
                if is_second:
                    raise ChildGone(self._server, reason="it forgot our session twice", ran=False) from exc
                await self._renew(session)
            case AccessRefused():
                if is_second or not await self._has_other_access(wire, access):
                    raise no_access(self._server, self._launch, 401) from exc
            case _:
                if is_second:
                    raise exc
                await anyio.sleep(SEND_AGAIN_S)

    def _cancel(self, call: Call, reason: str) -> None:
        if self._wire is not None and not self._closed:
            self._courier.take(partial(self._poster.cancel, self._wire, call, self._session, reason))

    # What many requests find lost at the same moment is seen to once.

    async def _shaken(self) -> Session:
        session = await self._opening.shake()
        if session.is_legacy:
            await self._poster.tell(self._living(), envelope.notification("notifications/initialized"), session)
        return session

    async def _opening_sent(self, call: Call) -> bytes:
        return await self._bounded(call, self._with_access)

    async def _with_access(self, call: Call) -> bytes:
        """Send a message of the handshake; once more with other credentials, if there are any."""
        wire = self._living()
        access = wire.access
        try:
            return await self._poster.post(wire, call, Session())
        except AccessRefused:
            if not await self._has_other_access(wire, access):
                raise
        return await self._poster.post(wire, call, Session())

    async def _renew(self, lost: Session) -> None:
        """Shake hands again."""
        async with self._renewing:
            if self._session is not lost:
                return
            try:
                self._session = await self._shaken()
            except HandshakeFailed as exc:
                self.cut(exc.message, Cause.HANDSHAKE)
                raise ChildGone(self._server, reason=exc.message, ran=False) from exc
            except ChildGone as exc:
                raise ChildGone(self._server, reason=exc.reason, ran=False) from exc
        log.info("session_renewed", server=self._server)
        self._notices.reopen()
        self._look_again()

    async def _has_other_access(self, wire: Wire, refused: Access) -> bool:
        """Look for other credentials than the refused ones; whether there are any."""
        async with self._refreshing:
            if wire.access is not refused:
                return True
            fresh = await self._other_secrets()
            if fresh is None:
                return False
            access = access_to(self._server, self._launch, fresh)
            if access == refused:
                return False
            self._secrets, wire.access = fresh, access
        log.info("access_refreshed", server=self._server)
        return True

    async def _other_secrets(self) -> Mapping[str, str] | None:
        try:
            with anyio.move_on_after(REFRESH_S):
                return await self._refresh(self._server, self._secrets)
        except GatewayError as exc:
            log.warning("access_not_refreshed", server=self._server, reason=exc.message)
        return None

    # Notices.

    async def _listen_once(self) -> None:
        wire, session = self._living(), self._session
        if session.is_modern:
            call = Call("subscriptions/listen", LISTEN_PARAMS, Patience(float("inf")), self._notice_heard)
            await self._bounded(call, lambda call: self._poster.post(wire, call, session))
        else:
            await self._poster.read_notices(wire, session, self._on_told, self._notices.heard)

    def _notice_heard(self, method: str, params: bytes | None) -> None:
        self._notices.heard()
        self._on_told(method, params)

    def _look_again(self) -> None:
        """It may be another release by now, or have told of a change while nobody listened."""
        self._on_told(LIST_CHANGED, None)

    def _living(self) -> Wire:
        """Return what sends. Raises: ChildGone."""
        if self._closed or self._wire is None:
            raise ChildGone(self._server, reason=self._closed or "it is not connected", ran=False)
        return self._wire
