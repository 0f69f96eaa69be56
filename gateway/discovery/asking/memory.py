"""What is remembered of one registry between processes: good answers, and that it is away.

A store that cannot be read or written costs no answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import structlog

from gateway.clock import Clock
from gateway.discovery.asking.breaker import Outage, is_worth_remembering, kept_form, restored
from gateway.discovery.ports import Answers
from gateway.errors import StoreError

LONGEST_OUTAGE_S = 3600.0  # that an outage can keep a later process from asking
_log = structlog.get_logger("discovery")


@dataclass(frozen=True, slots=True)
class Known:
    """An earlier good answer: its body, when it came (seconds since the epoch), its ETag."""

    body: bytes
    at: float
    etag: str | None


class Memory:
    """Answers of one registry (named with its address); without a store nothing is remembered."""

    def __init__(self, answers: Answers | None, registry: str, clock: Clock) -> None:
        self._answers = answers
        self._clock = clock
        self._key = f"breaker:{registry}"
        self._is_outage_kept = False

    async def answer(self, url: str) -> Known | None:
        """Return the last good answer."""
        if self._answers is None:
            return None
        try:
            row = await self._answers.answer(url)
        except StoreError as exc:
            _log.warning("answer_not_recalled", reason=exc.message)
            return None
        return Known(*row) if row is not None else None

    async def keep(self, url: str, body: bytes, at: float, etag: str | None) -> None:
        """Keep a good answer for the day the registry is away."""
        if self._answers is None:
            return
        try:
            await self._answers.put_answer(url, body, at, etag)
        except StoreError as exc:
            _log.warning("answer_not_remembered", reason=exc.message)

    async def outage(self) -> Outage | None:
        """Return the outage that an earlier process met, if it may still last."""
        row = await self.answer(self._key)
        if row is None:
            return None
        try:
            kept = msgspec.json.decode(row.body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        now, wall = self._clock.now(), self._clock.wall()
        found = restored(kept, now=now, wall=wall, longest_s=LONGEST_OUTAGE_S)
        self._is_outage_kept = found is not None
        return found

    async def keep_outage(self, outage: Outage | None) -> None:
        """Tell the next process that the registry is away, or (None) that it is back."""
        if outage is None and not self._is_outage_kept:
            return
        if outage is not None and not is_worth_remembering(outage):
            return
        now, wall = self._clock.now(), self._clock.wall()
        self._is_outage_kept = outage is not None
        body = msgspec.json.encode(kept_form(outage, now=now, wall=wall))
        await self.keep(self._key, body, wall, None)
