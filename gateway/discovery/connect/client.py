"""`ConnectClient`: one request to Connect (or its API) with the house's manners. It knows no paths and no meanings.

Unlike `asking.client` it also writes: only what may be repeated without harm is repeated, and nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

import anyio
import httpx
import msgspec
import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from gateway import __version__
from gateway.clock import Clock
from gateway.discovery.asking.pacing import Pace
from gateway.discovery.asking.replies import Reply, decode, failure
from gateway.discovery.asking.retrying import MAX_RETRIES, asked_wait_s, back_off_s, may_retry
from gateway.discovery.connect.answers import refusal
from gateway.errors import GatewayError, RegistryUnauthorized, RegistryUnavailable
from gateway.net.bodies import ASK_PLAIN, CodedBodyError, plain_pieces

LABEL: Final = "Smithery Connect"
BODY_CAP_BYTES: Final = 8 * 1024 * 1024
CONFLICT: Final = 409  # here it means "the connection has another address": no other try will end otherwise
_log = structlog.get_logger("discovery")


@dataclass(frozen=True, slots=True)
class ConnectAccess:
    """Where Connect is and how it may be asked. Durations in seconds.

    `api_url` is the API's address (namespaces, tokens, MCP endpoints), `rest_url` what stands before `/{namespace}`.
    """

    api_url: str
    rest_url: str
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
class Question:
    """One request. `what` names the wanted thing in errors; `repeatable`: a second time does no harm."""

    method: str
    url: str
    what: str
    body: Mapping[str, Any] | None = None
    repeatable: bool = True
    timeout_s: float | None = None
    fine: tuple[int, ...] = ()  # statuses that are answers here, beside the 2xx


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back: a status below 300 (or a `fine` one), and the decoded JSON."""

    status: int
    value: Any


class _Retryable(Exception):
    def __init__(self, error: GatewayError, asked_s: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.asked_s = asked_s


class ConnectClient:
    """Sends requests with the API key. Safe for concurrent use within one event loop."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        access: ConnectAccess,
        *,
        clock: Clock,
        rng: Random,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._http = http
        self.access = access
        self.clock = clock
        self._rng = rng
        self.sleep = sleep
        self._pace = Pace(access.rate, access.burst, clock, anyio.sleep)

    def require_key(self) -> None:
        """Say at once, and without asking anybody, that a key is needed.

        Raises: RegistryUnauthorized.
        """
        if not self.access.api_key:
            raise RegistryUnauthorized(f"{LABEL} needs an API key, and none is set", fix=self.access.key_fix)

    async def ask(self, question: Question) -> Answered:
        """Send one request, again where that is allowed, within the deadline.

        Raises:
            RegistryUnauthorized: there is no key, or it is refused.
            RegistryUnavailable: it is down, slow, confused, or asks for more patience than we have.
            NotFound, ConnectionMismatch, DiscoveryError: it refused, for the reason it gave.
        """
        self.require_key()
        deadline_s = max(self.access.deadline_s, question.timeout_s or 0.0)
        with anyio.move_on_after(deadline_s):
            return await self._retried(question, deadline_s)
        raise RegistryUnavailable(
            f"{LABEL} did not answer within {deadline_s:g} s", fix="Try again later, or check the network."
        )

    async def _retried(self, question: Question, deadline_s: float) -> Answered:
        started = self.clock.now()

        def is_over(state: RetryCallState) -> bool:
            spent_s = self.clock.now() - started
            return state.attempt_number > MAX_RETRIES or spent_s + state.upcoming_sleep > deadline_s

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_Retryable),
            wait=self._wait_s,
            stop=is_over,
            sleep=self.sleep,
            before_sleep=_tell_retry,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, question)
        except _Retryable as failed:
            raise failed.error from failed

    async def _attempt(self, question: Question) -> Answered:
        timeout_s = question.timeout_s or self.access.timeout_s
        try:
            await self._pace.turn()
            with anyio.fail_after(timeout_s):
                reply = await self._send(question, timeout_s)
        except CodedBodyError as error:  # it would come packed again
            raise RegistryUnavailable(f"{LABEL} answered with {error}", fix="Try again later.") from error
        except (httpx.HTTPError, TimeoutError) as error:
            unreachable = self._unreachable(error, timeout_s)
            # A connection that was never made carried nothing: also a write may be tried again.
            if question.repeatable or isinstance(error, httpx.ConnectError):
                raise _Retryable(unreachable) from error
            raise unreachable from error
        return self._judged(question, reply)

    def _judged(self, question: Question, reply: Reply) -> Answered:
        if 200 <= reply.status < 300 or reply.status in question.fine:
            return Answered(reply.status, decode(reply.body or b"null", LABEL))
        reply = replace(reply, body=self._without_key(reply.body))
        error = refusal(reply, question.what) or failure(reply, LABEL, what=question.what, key_fix=self.access.key_fix)
        may_repeat = question.repeatable or reply.status == 429  # that one was not carried out
        if not may_repeat or reply.status == CONFLICT or not may_retry(reply.status, reply.headers):
            raise error
        asked_s = asked_wait_s(reply.headers, self.clock.wall())
        if asked_s is not None and asked_s > self.access.retry_cap_s:
            raise RegistryUnavailable(
                f"{error.message}; it asks to wait {asked_s:.0f} s, longer than the"
                f" {self.access.retry_cap_s:g} s allowed",
                fix=f"Try again in {asked_s:.0f} s.",
                retry_after_s=asked_s,
            )
        raise _Retryable(error, asked_s)

    def _without_key(self, body: bytes) -> bytes:
        """An error's body, for showing: somebody who says our key back does not make us show it."""
        key = self.access.api_key.encode()
        return body.replace(key, b"***") if key else body

    async def _send(self, question: Question, timeout_s: float) -> Reply:
        headers = {
            "Accept": "application/json",
            "User-Agent": f"mcp-gateway/{__version__}",
            "Authorization": f"Bearer {self.access.api_key}",
            **ASK_PLAIN,
        }
        content = None
        if question.body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(question.body)
        body = bytearray()
        # Redirects are not followed: the key would travel to an address that nobody configured.
        async with self._http.stream(
            question.method, question.url, content=content, headers=headers, timeout=timeout_s, follow_redirects=False
        ) as got:
            async for chunk in plain_pieces(got):
                body += chunk
                if len(body) > BODY_CAP_BYTES:
                    raise RegistryUnavailable(
                        f"{LABEL} answered with more than {BODY_CAP_BYTES} bytes", fix="Ask for less."
                    )
            return Reply(got.status_code, {name.lower(): text for name, text in got.headers.items()}, bytes(body))

    def _wait_s(self, state: RetryCallState) -> float:
        failed = state.outcome.exception() if state.outcome is not None else None
        asked_s = failed.asked_s if isinstance(failed, _Retryable) else None
        return back_off_s(state.attempt_number - 1, self._rng) if asked_s is None else asked_s

    def _unreachable(self, error: Exception, timeout_s: float) -> RegistryUnavailable:
        slow = isinstance(error, TimeoutError | httpx.TimeoutException)
        why = f"did not answer within {timeout_s:g} s" if slow else f"is not reachable ({type(error).__name__})"
        return RegistryUnavailable(
            f"{LABEL} {why}",
            fix=f"Check the network and the addresses in [smithery] ({self.access.rest_url}); or try again later.",
        )


def _tell_retry(state: RetryCallState) -> None:
    wait_s = round(state.upcoming_sleep, 3)
    _log.info("registry_retry", registry=LABEL, retry=state.attempt_number, wait_s=wait_s)
