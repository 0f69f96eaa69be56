"""One registry, asked questions: the last good answers for when it is gone, and a breaker that leaves it alone then.

It knows nothing about what the answers mean.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import anyio
import httpx
import structlog

from gateway.clock import Clock
from gateway.discovery.asking.access import HURRIED_S, Access
from gateway.discovery.asking.breaker import Breaker, Outage
from gateway.discovery.asking.drift import DriftMeter
from gateway.discovery.asking.memory import Known, Memory
from gateway.discovery.asking.replies import decode, looks_like_web_page
from gateway.discovery.asking.wire import Failed, Flight, Request, Wire
from gateway.discovery.parsing.shapes import Drift, Shape
from gateway.discovery.ports import Answers
from gateway.errors import DiscoveryError, ListingInvalid, RegistryUnauthorized, RegistryUnavailable
from gateway.net.tags import tag_of

__all__ = ["UNAUTHORIZED_MEMORY_S", "Access", "Answer", "Read", "RegistryClient"]

UNAUTHORIZED_MEMORY_S = 600.0  # a refused key does not become good by asking again at once
SLOW_S = 3.0  # after which a question that was given up counts against the registry
_NOTE_S = 1.0  # to remember that, while being cancelled
_QUEUE_S = 1.0  # that a hurried question may wait for its turn, beside the time of its request
_log = structlog.get_logger("discovery")

T = TypeVar("T")
Read = Callable[[Any, float], T]
"""Make sense of decoded JSON, given when it was fetched (seconds since the epoch). Raises ListingInvalid."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """An answer that made sense; an old one (age_s > 0) carries the problem that kept us from a fresh one."""

    value: T
    age_s: float = 0.0
    problem: DiscoveryError | None = None


@dataclass(frozen=True, slots=True)
class _Question(Generic[T]):
    request: Request
    read: Read[T]
    known: Known | None
    shape: Shape | None
    keep: bool = True


class RegistryClient:
    """Asks one registry questions. Safe for concurrent use within one event loop."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        access: Access,
        *,
        clock: Clock,
        rng: Random,
        answers: Answers | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        meter: DriftMeter | None = None,
    ) -> None:
        self._access = access
        self._clock = clock
        self._meter = meter
        self._wire = Wire(http, access, clock=clock, rng=rng, sleep=sleep)
        self._breaker = Breaker(rng)
        self._memory = Memory(answers, f"{access.label} at {self.base_url}", clock)
        self._first = anyio.Lock()
        self._recalling = anyio.Lock()
        self._is_recalled = answers is None
        self._admitted = False  # has it ever let us in?

    @property
    def base_url(self) -> str:
        """The registry's address, without a slash at its end."""
        return self._access.base_url.rstrip("/")

    @property
    def drift(self) -> tuple[Drift, ...]:
        """How its answers differed from their shapes so far."""
        return self._meter.counts() if self._meter is not None else ()

    async def ask(
        self,
        path: str,
        read: Read[T],
        *,
        what: str,
        params: Mapping[str, str] | None = None,
        shape: Shape | None = None,
        keep: bool = True,
        fixed: bool = False,
    ) -> Answer[T]:
        """Ask `GET path?params` and `read` the answer; `what` names the wanted thing in errors.

        A fresh answer that differs from its `shape` is counted, never refused for it. With `keep` off the answer is
        not remembered, and no old one serves in its place. `fixed`: the path always exists, so that 404 means that
        something else answers.

        Raises:
            NotFound: the registry does not know it.
            RegistryUnauthorized: it wants an (other) API key, and no old answer is at hand.
            RegistryUnavailable: it is down, slow, confused or asks for patience, and no old answer is at hand.
            ListingInvalid: its answer makes no sense, and no old one is at hand.
            DiscoveryError: it did not understand the question.
        """
        url = self.base_url + path + (f"?{urlencode(params)}" if params else "")
        known = await self._memory.answer(url) if keep else None
        # Read once more: an earlier version of ours kept tags that no header can hold.
        etag = tag_of({"etag": known.etag or ""}).etag or None if known is not None else None
        request = Request(url, what, etag, hurried=known is not None, fixed=fixed)
        await self._recall_outage()
        try:
            return Answer(await self._within(_Question(request, read, known, shape, keep)))
        except (RegistryUnavailable, RegistryUnauthorized, ListingInvalid) as problem:
            if known is None:
                raise
            return self._old(known, read, problem)

    async def _recall_outage(self) -> None:
        """Learn (once) that an earlier process met the registry away, so that this one need not find out again."""
        if self._is_recalled:
            return
        async with self._recalling:
            if not self._is_recalled:
                self._breaker.outage = await self._memory.outage()
                self._is_recalled = True

    def _old(self, known: Known, read: Read[T], problem: DiscoveryError) -> Answer[T]:
        try:
            value = read(decode(known.body, self._access.label), known.at)
        except DiscoveryError:
            raise problem from None  # an older version of ourselves could read it, we cannot
        return Answer(value, max(0.001, self._clock.wall() - known.at), problem)

    async def _within(self, question: _Question[T]) -> T:
        deadline_s = self._access.deadline_s
        if question.request.hurried:  # nobody should wait long for a dead registry with an old answer in hand
            deadline_s = min(deadline_s, HURRIED_S + _QUEUE_S)
        with anyio.move_on_after(deadline_s):
            return await self._in_turn(question, deadline_s)
        raise RegistryUnavailable(
            f"{self._access.label} did not answer within {deadline_s:g} s", fix="Try again later, or check the network."
        )

    async def _in_turn(self, question: _Question[T], deadline_s: float) -> T:
        """Ask; the very first question, and the first after an outage, goes alone, and its outcome counts for all."""
        self._refuse_if_open()
        if not self._goes_alone():
            return await self._fresh(question, deadline_s)
        async with self._first:
            self._refuse_if_open()
            if self._goes_alone():
                return await self._fresh(question, deadline_s)
        return await self._fresh(question, deadline_s)

    def _goes_alone(self) -> bool:
        return self._breaker.is_tripped or not self._admitted

    def _refuse_if_open(self) -> None:
        if (refusal := self._breaker.refusal(self._clock.now())) is not None:
            raise refusal

    async def _fresh(self, question: _Question[T], deadline_s: float) -> T:
        flight = Flight()
        try:
            reply = await self._wire.reply(question.request, deadline_s, flight)
        except Failed as failed:
            await self._note_failure(failed)
            raise failed.error from failed
        except anyio.get_cancelled_exc_class():
            await self._note_abandoned(flight)
            raise
        known, now = question.known, self._clock.wall()
        if reply.status == 304 and known is not None:
            await self._note_answer()
            value = question.read(decode(known.body, self._access.label), now)
            await self._memory.keep(question.request.url, known.body, now, tag_of(reply.headers).etag or known.etag)
            return value
        try:
            decoded = decode(reply.body, self._access.label)
        except RegistryUnavailable as error:
            await self._note_failure(Failed(error, whole=looks_like_web_page(reply.body)))
            raise
        await self._note_answer()
        if self._meter is not None and question.shape is not None:
            self._meter.look(decoded, question.shape)
        value = question.read(decoded, now)
        if question.keep:
            await self._memory.keep(question.request.url, reply.body, now, tag_of(reply.headers).etag or None)
        return value

    async def _note_answer(self) -> None:
        self._admitted = True
        if self._breaker.outage is not None:
            _log.info("registry_back", registry=self._access.label)
            await self._memory.keep_outage(None)
        self._breaker.answered()

    async def _note_failure(self, failed: Failed) -> None:
        """Remember what the failure says about the registry as a whole."""
        now, wall, error, before = self._clock.now(), self._clock.wall(), failed.error, self._breaker.outage
        if failed.status == 401 and isinstance(error, DiscoveryError):  # a 403 may concern this one question only
            self._breaker.leave_alone(error, UNAUTHORIZED_MEMORY_S, now=now, wall=wall)
        elif failed.alive:
            await self._note_answer()
        elif isinstance(error, DiscoveryError):
            self._breaker.failed(error, now=now, wall=wall, whole=failed.whole, asked_s=failed.asked_s)
        if self._breaker.outage is not before and self._breaker.outage is not None:
            await self._opened(self._breaker.outage, now)

    async def _note_abandoned(self, flight: Flight) -> None:
        """Whoever asked went away; when that was because the registry is too slow, the next one should know."""
        waited_s = self._clock.now() - flight.sent_at if flight.sent_at is not None else 0.0
        if waited_s >= SLOW_S:
            with anyio.move_on_after(_NOTE_S, shield=True):
                await self._note_failure(Failed(self._wire.too_slow(waited_s), whole=True))

    async def _opened(self, outage: Outage, now: float) -> None:
        for_s = round(outage.until - now, 1)
        _log.info("registry_closed", registry=self._access.label, code=outage.error.code, for_s=for_s)
        await self._memory.keep_outage(outage)
