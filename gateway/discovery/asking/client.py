"""One registry over HTTP: rate, retries, deadlines, caps, and the last good answers for when it is gone.

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
from aiolimiter import AsyncLimiter
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from gateway import __version__
from gateway.clock import Clock
from gateway.discovery.asking.replies import Reply, decode, failure
from gateway.discovery.asking.retrying import MAX_RETRIES, asked_wait_s, back_off_s, bucket, may_retry
from gateway.discovery.ports import Answers
from gateway.errors import (
    DiscoveryError,
    GatewayError,
    ListingInvalid,
    RegistryUnauthorized,
    RegistryUnavailable,
    StoreError,
)

BODY_CAP_BYTES = 8 * 1024 * 1024  # a hundred full records are below 2 MiB
UNAUTHORIZED_MEMORY_S = 600.0  # a refused key does not become good by asking again at once
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
class Access:
    """Where a registry is and how it may be asked. Durations in seconds; `label` is its name for people."""

    label: str
    base_url: str
    api_key: str = ""
    rate: str = "5/s"
    burst: int = 10
    timeout_s: float = 10.0
    retry_cap_s: float = 30.0
    key_fix: str = ""

    @property
    def deadline_s(self) -> float:
        """How long one question may take with everything: retries, waits asked for, our own rate."""
        return self.timeout_s + self.retry_cap_s


@dataclass(frozen=True, slots=True)
class _Known:
    body: bytes
    at: float
    etag: str | None


@dataclass(frozen=True, slots=True)
class _Question:
    url: str
    what: str
    known: _Known | None

    @property
    def etag(self) -> str | None:
        return self.known.etag if self.known is not None else None


class _Retryable(Exception):
    def __init__(self, error: GatewayError, asked_s: float | None) -> None:
        super().__init__(error.message)
        self.error = error
        self.asked_s = asked_s


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
    ) -> None:
        self._http = http
        self._access = access
        self._clock = clock
        self._rng = rng
        self._answers = answers
        self._sleep = sleep
        self._limiter = AsyncLimiter(*bucket(access.rate, access.burst))
        self._first = anyio.Lock()
        self._admitted = False  # has it ever let us in?
        self._closed_until = 0.0
        self._closed_by: GatewayError | None = None

    @property
    def base_url(self) -> str:
        """The registry's address, without a slash at its end."""
        return self._access.base_url.rstrip("/")

    async def ask(self, path: str, read: Read[T], *, what: str, params: Mapping[str, str] | None = None) -> Answer[T]:
        """Ask `GET path?params` and `read` the answer; `what` names the wanted thing in errors.

        Raises:
            NotFound: the registry does not know it.
            RegistryUnauthorized: it wants an (other) API key, and no old answer is at hand.
            RegistryUnavailable: it is down, slow, confused or asks for patience, and no old answer is at hand.
            ListingInvalid: its answer makes no sense, and no old one is at hand.
            DiscoveryError: it did not understand the question.
        """
        url = self.base_url + path + (f"?{urlencode(params)}" if params else "")
        known = await self._known(url)
        # With an old answer in hand nobody should wait for a dead registry longer than one time-out.
        deadline_s = self._access.deadline_s if known is None else self._access.timeout_s
        try:
            return Answer(await self._within(deadline_s, _Question(url, what, known), read))
        except (RegistryUnavailable, RegistryUnauthorized, ListingInvalid) as problem:
            if known is None:
                raise
            return self._old(known, read, problem)

    async def _known(self, url: str) -> _Known | None:
        row = await self._answers.answer(url) if self._answers is not None else None
        return _Known(*row) if row is not None else None

    def _old(self, known: _Known, read: Read[T], problem: DiscoveryError) -> Answer[T]:
        try:
            value = read(decode(known.body, self._access.label), known.at)
        except DiscoveryError:
            raise problem from None  # an older version of ourselves could read it, we cannot
        return Answer(value, max(0.001, self._clock.wall() - known.at), problem)

    async def _within(self, deadline_s: float, question: _Question, read: Read[T]) -> T:
        with anyio.move_on_after(deadline_s):
            if self._admitted:
                return await self._fresh(deadline_s, question, read)
            # The very first question goes alone, so that a refused (or missing) key is refused once, not many times.
            async with self._first:
                return await self._fresh(deadline_s, question, read)
        raise RegistryUnavailable(
            f"{self._access.label} did not answer within {deadline_s:g} s", fix="Try again later, or check the network."
        )

    async def _fresh(self, deadline_s: float, question: _Question, read: Read[T]) -> T:
        self._refuse_if_closed()
        reply = await self._retried(deadline_s, question)
        self._admitted = True
        known, now = question.known, self._clock.wall()
        body = known.body if reply.status == 304 and known is not None else reply.body
        value = read(decode(body, self._access.label), now)
        await self._remember(question.url, body, now, reply.headers.get("etag") or question.etag)
        return value

    async def _remember(self, url: str, body: bytes, at: float, etag: str | None) -> None:
        """Keep a good answer for the day the registry is away; a store that cannot be written costs no answer."""
        if self._answers is None:
            return
        try:
            await self._answers.put_answer(url, body, at, etag)
        except StoreError as exc:
            _log.warning("answer_not_remembered", reason=exc.message)

    async def _retried(self, deadline_s: float, question: _Question) -> Reply:
        started = self._clock.now()

        def is_over(state: RetryCallState) -> bool:
            spent_s = self._clock.now() - started
            return state.attempt_number > MAX_RETRIES or spent_s + state.upcoming_sleep > deadline_s

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_Retryable),
            wait=self._wait_s,
            stop=is_over,
            sleep=self._sleep,
            before_sleep=self._tell_retry,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, question)
        except _Retryable as failed:
            raise failed.error from failed

    async def _attempt(self, question: _Question) -> Reply:
        try:
            async with self._limiter:
                with anyio.fail_after(self._access.timeout_s):
                    reply = await self._request(question)
        except (httpx.HTTPError, TimeoutError) as error:
            raise _Retryable(self._unreachable(error), None) from error
        if reply.status == 200 or (reply.status == 304 and question.etag is not None):
            return reply
        error_of_ours = failure(reply, self._access.label, what=question.what, key_fix=self._access.key_fix)
        if reply.status == 401:  # a 403 may concern this one question only
            self._close(error_of_ours, UNAUTHORIZED_MEMORY_S)
        if not may_retry(reply.status, reply.headers):
            raise error_of_ours
        asked_s = asked_wait_s(reply.headers, self._clock.wall())
        self._refuse_long_wait(error_of_ours, asked_s)
        raise _Retryable(error_of_ours, asked_s)

    async def _request(self, question: _Question) -> Reply:
        headers = {"Accept": "application/json", "User-Agent": f"mcp-gateway/{__version__}"}
        if self._access.api_key:
            headers["Authorization"] = f"Bearer {self._access.api_key}"
        if question.etag is not None:
            headers["If-None-Match"] = question.etag
        body = bytearray()
        # Redirects are not followed: the key would travel to an address that nobody configured.
        async with self._http.stream(
            "GET", question.url, headers=headers, timeout=self._access.timeout_s, follow_redirects=False
        ) as got:
            async for chunk in got.aiter_bytes():
                body += chunk
                if len(body) > BODY_CAP_BYTES:
                    raise RegistryUnavailable(
                        f"{self._access.label} answered with more than {BODY_CAP_BYTES} bytes", fix="Ask for less."
                    )
            return Reply(got.status_code, {name.lower(): text for name, text in got.headers.items()}, bytes(body))

    def _wait_s(self, state: RetryCallState) -> float:
        failed = state.outcome.exception() if state.outcome is not None else None
        asked_s = failed.asked_s if isinstance(failed, _Retryable) else None
        return back_off_s(state.attempt_number - 1, self._rng) if asked_s is None else asked_s

    def _tell_retry(self, state: RetryCallState) -> None:
        wait_s = round(state.upcoming_sleep, 3)
        _log.info("registry_retry", registry=self._access.label, retry=state.attempt_number, wait_s=wait_s)

    def _unreachable(self, error: Exception) -> RegistryUnavailable:
        slow = isinstance(error, TimeoutError | httpx.TimeoutException)
        why = (
            f"did not answer within {self._access.timeout_s:g} s"
            if slow
            else f"is not reachable ({type(error).__name__})"
        )
        return RegistryUnavailable(
            f"{self._access.label} {why}",
            fix=f"Check the network and the base URL {self.base_url}; or try again later.",
        )

    def _refuse_long_wait(self, error: GatewayError, asked_s: float | None) -> None:
        if asked_s is None or asked_s <= self._access.retry_cap_s:
            return
        refusal = RegistryUnavailable(
            f"{error.message}; it asks to wait {asked_s:.0f} s, longer than the {self._access.retry_cap_s:g} s allowed",
            fix=f"Try again in {asked_s:.0f} s.",
            retry_after_s=asked_s,
        )
        self._close(refusal, asked_s)
        raise refusal

    def _close(self, error: GatewayError, for_s: float) -> None:
        self._closed_until = self._clock.now() + for_s
        self._closed_by = error
        _log.warning("registry_closed", registry=self._access.label, code=error.code, for_s=round(for_s, 1))

    def _refuse_if_closed(self) -> None:
        """Repeat the last refusal without asking again, as long as it holds."""
        left_s = self._closed_until - self._clock.now()
        if self._closed_by is None or left_s <= 0:
            return
        if isinstance(self._closed_by, RegistryUnauthorized):
            raise RegistryUnauthorized(self._closed_by.message, fix=self._closed_by.fix)
        raise RegistryUnavailable(self._closed_by.message, fix=f"Try again in {left_s:.0f} s.", retry_after_s=left_s)
