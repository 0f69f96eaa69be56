"""Installs what people approved of agents' wishes, one after the other; also what was approved while nothing ran."""

from __future__ import annotations

import anyio
import structlog

from gateway.daemon.survival import survived
from gateway.errors import GatewayError
from gateway.store.requests import APPROVED
from gateway.verbs.parts import Parts
from gateway.verbs.requests import carry_out


class RequestDesk:
    """The task behind `requests approve`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._decided = anyio.Event()
        self._log = structlog.get_logger("install")

    def decided(self) -> None:
        """Somebody said yes or no: look now."""
        self._decided.set()

    async def run(self) -> None:
        """Carry out approved requests for as long as the daemon lives."""
        while True:
            self._decided = anyio.Event()
            await self.round()
            await self._decided.wait()

    async def round(self) -> None:
        """Carry out everything that is approved now, the oldest first."""
        try:
            for request in reversed(await self._parts.requests.list(APPROVED)):
                with survived("request_broke", request=request.id, reference=request.name):
                    await carry_out(self._parts, request)
        except GatewayError as exc:
            # The store does not serve: what is approved stays approved, and is looked at after the next decision.
            self._log.error("requests_not_carried_out", reason=exc.message)
