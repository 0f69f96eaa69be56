"""`CallQueue`: at most so many calls at one child, the others wait in order; none is sent before its turn.

A call that waits was never sent. So it may outlive the child: it waits for the next life, as long as it may wait at
all, and nothing is repeated by that. What is at the child when it dies is not ours to repeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import anyio

from gateway.errors import GatewayError, ServerBusy
from gateway.model import CallPolicy, ServerName
from gateway.supervisor.calls.turns import NoRoomError, Turns
from gateway.supervisor.ports import Connection


@dataclass(eq=False, slots=True)
class _Waiter:
    """One call that waits. `granted` is set in the same step as `woken` is."""

    party: str
    woken: asyncio.Future[None]
    granted: Connection | None = None
    refused: GatewayError | None = None


class CallQueue:
    """One child's queue over all its lives.

    `retry_s` tells after how long a refused caller should try again, `absent` what to say to one who waited in vain
    for a child that is not there.
    """

    def __init__(
        self,
        server: ServerName,
        policy: CallPolicy,
        retry_s: Callable[[], float],
        absent: Callable[[], GatewayError] | None = None,
    ) -> None:
        self.policy = policy
        self.count = 0
        """Calls at the child without an answer so far."""
        self.is_serial = False
        """Whether only one call at a time is given to the child."""
        self._server = server
        self._retry_s = retry_s
        self._absent = absent
        self._turns: Turns[_Waiter] = Turns()
        self._connection: Connection | None = None
        self._refusal: Callable[[], GatewayError] | None = None
        self._is_held = False
        self._kept = 0
        self._emptied = anyio.Event()
        self._watchers = 0

    @property
    def waiting(self) -> int:
        """Calls that were not sent so far."""
        return len(self._turns)

    @property
    def limit(self) -> int:
        """How many calls may be at the child."""
        return 1 if self.is_serial else self.policy.max_in_flight

    def open(self, connection: Connection) -> None:
        """Calls go there from now on."""
        self._connection, self._refusal, self._kept, self._is_held = connection, None, 0, False
        self._grant()

    def hold(self) -> None:
        """Nothing more is sent in this life; who waits or comes, waits for the next one."""
        self._is_held = True

    def shut(self) -> None:
        """That life is over; who waits, waits for the next one."""
        self._connection, self._kept = None, 0

    def refuse(self, why: Callable[[], GatewayError]) -> None:
        """There will be no next life soon: send everybody away until `open`."""
        self._refusal = why
        self._send_away(why, self._turns.take_all())

    def keep(self) -> None:
        """Leave a place taken by a call that was given up, but is perhaps still worked on."""
        self._kept += 1

    def free(self) -> None:
        """Give all kept places back."""
        if self._kept:
            self._kept = 0
            self._grant()

    async def turn(self, party: str, left_s: float) -> Connection:
        """Wait for a place at the child, at most `left_s`; `done` gives it back.

        Raises: ServerBusy when there is no room to wait or the wait was too long; what `refuse` said.
        """
        connection = self._connection
        if connection is not None and not self._turns and self._has_place(connection):
            self.count += 1
            return connection
        if self._refusal is not None:
            raise self._refusal()
        return await self._wait(party, min(left_s, self.policy.queue_timeout_sec))

    def done(self) -> None:
        """A place is free again."""
        self.count -= 1
        self.look()

    def look(self) -> None:
        """Give free places to those who wait."""
        if self._turns:
            self._grant()
        if self._watchers and not self.count:
            self._emptied.set()

    def one_more(self) -> None:
        """Send one of those who wait beside the calls at the child, this once; none where a place is kept."""
        self._grant(extra=1)

    async def none(self) -> None:
        """Wait until no call is at the child and none waits."""
        while self.count or self._turns:
            await self._next_emptied()

    async def rest(self) -> None:
        """Wait until no call is at the child; others may still wait for the next life."""
        while self.count:
            await self._next_emptied()

    async def _next_emptied(self) -> None:
        if self._emptied.is_set():  # never replaced while somebody waits for it
            self._emptied = anyio.Event()
        self._watchers += 1
        try:
            await self._emptied.wait()
        finally:
            self._watchers -= 1

    async def _wait(self, party: str, wait_s: float) -> Connection:
        waiter = _Waiter(party, asyncio.get_running_loop().create_future())
        self._join(waiter)
        try:
            with anyio.move_on_after(wait_s):
                while True:
                    await waiter.woken
                    if (connection := _taken(waiter)) is not None:
                        return connection
                    self._wait_on(waiter)
            if (connection := _taken(waiter)) is not None:  # its turn came at the very end of its patience
                return connection
            if self._connection is None and self._absent is not None:
                raise self._absent()
            why = "it finishes its calls to be started anew; " if self._is_held else ""
            raise self._busy(f"{why}this call waited {wait_s:.3g} s for its turn")
        finally:
            self._leave(waiter)

    def _wait_on(self, waiter: _Waiter) -> None:
        """The child died between the grant and now: nothing was sent, and this one stays the first."""
        waiter.granted, waiter.woken = None, asyncio.get_running_loop().create_future()
        self.count -= 1
        self._turns.put_back(waiter.party, waiter)

    def _join(self, waiter: _Waiter) -> None:
        try:
            displaced = self._turns.add(waiter.party, waiter, room=self.policy.max_queue)
        except NoRoomError:
            raise self._busy(f"{self.waiting} more wait for their turn") from None
        if displaced is not None:
            self._send_away(lambda: self._busy("this call made room for other callers"), [displaced])
        self._grant()

    def _leave(self, waiter: _Waiter) -> None:
        """Whatever a waiter still holds, a place in the line or at the child, is given back."""
        self._turns.leave(waiter.party, waiter)
        if waiter.granted is not None:
            waiter.granted = None
            self.count -= 1
        self.look()

    def _has_place(self, connection: Connection, extra: int = 0) -> bool:
        is_full = self._is_held or self.count + self._kept >= self.limit + extra
        return not is_full and not connection.gone.is_set()

    def _grant(self, extra: int = 0) -> None:
        connection = self._connection
        while connection is not None and self._turns and self._has_place(connection, extra):
            waiter = self._turns.next()
            if not waiter.woken.done():  # else it was cancelled in this very step
                waiter.granted = connection
                self.count += 1
                waiter.woken.set_result(None)

    def _send_away(self, why: Callable[[], GatewayError], waiters: list[_Waiter]) -> None:
        for waiter in waiters:
            waiter.refused = why()
            if not waiter.woken.done():
                waiter.woken.set_result(None)
        self.look()

    def _busy(self, reason: str) -> ServerBusy:
        return ServerBusy(self._server, self.limit, reason=reason, retry_after_s=self._retry_s())


def _taken(waiter: _Waiter) -> Connection | None:
    """Hand the place over to the caller, if one was granted at a child that lives. Raises: what it was refused with."""
    if waiter.refused is not None:
        raise waiter.refused
    connection = waiter.granted
    if connection is None or connection.gone.is_set():
        return None
    waiter.granted = None
    return connection
