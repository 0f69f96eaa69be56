"""`Notices`: keeps the stream open on which a remote server tells what belongs to no request. Knows no protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from gateway.errors import GatewayError, RpcError
from gateway.supervisor.talking.http.refusals import AccessRefused, HttpRefused, SessionLost

AGAIN_MIN_S: Final = 1.0
AGAIN_MAX_S: Final = 60.0
"""A server that keeps closing its stream is asked ever more rarely."""

SILENCE_S: Final = 600.0
"""Something on the way may have dropped a quiet stream without telling either end: it is opened anew after this."""


class Notices:
    """Calls `once` again and again; that opens the stream, reads it to its end, and tells `heard` of each piece.

    `on_gap` is called when notices may have been missed.
    """

    def __init__(
        self,
        once: Callable[[], Awaitable[None]],
        *,
        on_gap: Callable[[], None],
        again_min_s: float = AGAIN_MIN_S,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._once = once
        self._on_gap = on_gap
        self._again_min_s = again_min_s
        self._silence_s = silence_s
        self._scope = anyio.CancelScope()
        self._again = anyio.Event()
        self._has_heard = False

    def heard(self) -> None:
        """Something came."""
        self._has_heard = True
        self._scope.deadline = anyio.current_time() + self._silence_s

    def reopen(self) -> None:
        """The stream belongs to a session that is over: open another one now."""
        self._again.set()
        self._scope.cancel()

    async def run(self) -> None:
        """Listen until the server says that it has no notices to give."""
        pause_s = self._again_min_s
        while True:
            self._has_heard, self._again = False, anyio.Event()
            with anyio.CancelScope(deadline=anyio.current_time() + self._silence_s) as self._scope:
                if not await self._has_more():
                    return
            if self._again.is_set():
                continue
            if self._scope.cancelled_caught:
                self._on_gap()
                continue
            pause_s = self._again_min_s if self._has_heard else min(pause_s * 2, AGAIN_MAX_S)
            with anyio.move_on_after(pause_s):
                await self._again.wait()

    async def _has_more(self) -> bool:
        """Listen once; whether to do it again."""
        try:
            await self._once()
        except RpcError:
            return False
        except HttpRefused as exc:
            return exc.status >= 500
        except (GatewayError, SessionLost, AccessRefused):
            pass  # whoever calls next has the same trouble, and sees to it
        return True
