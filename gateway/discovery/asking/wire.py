"""One question to one registry, sent as often as it is worth: pace, time-outs, caps, retries, waits asked for.

It judges an answer by its status only; what is in it is read elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

import anyio
import httpx
import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from gateway import __version__
from gateway.clock import Clock
from gateway.discovery.asking.access import Access
from gateway.discovery.asking.pacing import Pace
from gateway.discovery.asking.replies import Reply, concerns_all, failure, is_alive, looks_like_web_page
from gateway.discovery.asking.retrying import MAX_RETRIES, asked_wait_s, back_off_s, may_retry
from gateway.errors import GatewayError, RegistryUnavailable, Who
from gateway.net.bodies import ASK_PLAIN, CodedBodyError, plain_pieces

SHORTEST_SECRET = 4  # characters; hiding less would only garble a message
BODY_CAP_BYTES = 8 * 1024 * 1024  # a hundred full records are below 2 MiB
_log = structlog.get_logger("discovery")


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask: the whole address, the wanted thing's name, what we have.

    `hurried`: an old answer is at hand. `fixed`: the address always exists, so that 404 is no answer but trouble.
    """

    url: str
    what: str
    etag: str | None = None
    hurried: bool = False
    fixed: bool = False


@dataclass(slots=True)
class Flight:
    """Whether a request is on its way now, and since when (monotonic seconds)."""

    sent_at: float | None = None


class Failed(Exception):
    """A request failed with `error`.

    `again`: another try may help; `asked_s`: the registry asks to wait; `alive`: it works, and refused; `whole`: the
    trouble concerns every question.
    """

    def __init__(
        self,
        error: GatewayError,
        *,
        status: int = 0,
        again: bool = False,
        asked_s: float | None = None,
        alive: bool = False,
        whole: bool = False,
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.status = status
        self.again = again
        self.asked_s = asked_s
        self.alive = alive
        self.whole = whole


class Wire:
    """Sends the questions of one registry."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        access: Access,
        *,
        clock: Clock,
        rng: Random,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._http = http
        self._access = access
        self._clock = clock
        self._rng = rng
        self._sleep = sleep
        self._pace = Pace(access.rate, access.burst, clock, sleep)
        self._headers = _headers(access)
        secrets = (access.api_key, *access.headers.values())
        self._hidden = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]

    async def reply(self, request: Request, deadline_s: float, flight: Flight) -> Reply:
        """Return a good answer (200, or 304 to our ETag). Raises: Failed."""
        started = self._clock.now()

        def is_over(state: RetryCallState) -> bool:
            spent_s = self._clock.now() - started
            return state.attempt_number > MAX_RETRIES or spent_s + state.upcoming_sleep > deadline_s

        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, Failed) and error.again),
            wait=self._wait_s,
            stop=is_over,
            sleep=self._sleep,
            before_sleep=self._tell_retry,
            reraise=True,
        )
        return await retrying(self._attempt, request, flight)

    async def _attempt(self, request: Request, flight: Flight) -> Reply:
        flight.sent_at = None
        await self._pace.turn()
        timeout_s = self._access.timeout_of(hurried=request.hurried)
        try:
            with anyio.fail_after(timeout_s):
                flight.sent_at = self._clock.now()
                reply = await self._sent(request, timeout_s)
                flight.sent_at = None
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise self._unreached(error, request, timeout_s) from error
        if reply.status == 200 or (reply.status == 304 and request.etag is not None):
            return reply
        raise self._refused(reply, request)

    async def _sent(self, request: Request, timeout_s: float) -> Reply:
        headers = self._headers if request.etag is None else {**self._headers, "If-None-Match": request.etag}
        times = httpx.Timeout(timeout_s, connect=self._access.connect_of(hurried=request.hurried))
        # Redirects are not followed: the key would travel to an address that nobody configured.
        async with self._http.stream("GET", request.url, headers=headers, timeout=times, follow_redirects=False) as got:
            body = bytearray()
            async for chunk in plain_pieces(got):
                body += chunk
                if len(body) > BODY_CAP_BYTES:
                    raise Failed(_too_large(self._access.label))
            return Reply(got.status_code, {name.lower(): text for name, text in got.headers.items()}, bytes(body))

    def _refused(self, reply: Reply, request: Request) -> Failed:
        access = self._access
        if reply.status == 404 and (request.fixed or looks_like_web_page(reply.body)):
            return Failed(_elsewhere(access), status=404, whole=True)
        error = failure(reply, access.label, what=request.what, key_fix=access.key_fix, hidden=self._hidden)
        asked_s = asked_wait_s(reply.headers, self._clock.wall())
        again = may_retry(reply.status, reply.headers)
        if again and asked_s is not None and asked_s > self._access.retry_cap_s:
            again, error = False, self._too_long(error, asked_s)
        return Failed(
            error,
            status=reply.status,
            again=again,
            asked_s=asked_s,
            alive=is_alive(reply.status),
            whole=concerns_all(reply.status),
        )

    def _unreached(self, error: Exception, request: Request, timeout_s: float) -> Failed:
        """No (whole) answer came. A connection that cannot be made now is not tried again within one question."""
        label, kind = self._access.label, type(error).__name__
        fix = f"Check the network and the base URL {self._access.base_url}; or try again later."
        match error:
            case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.UnsupportedProtocol() | httpx.InvalidURL():
                problem = RegistryUnavailable(f"{label} is not reachable ({kind})", fix=fix, who=Who.PERSON)
                return Failed(problem, whole=True)
            case TimeoutError() | httpx.TimeoutException():
                problem = RegistryUnavailable(f"{label} did not answer within {timeout_s:g} s", fix=fix)
                return Failed(problem, again=not request.hurried, whole=True)
            case CodedBodyError():
                said = f"{label} answered with {error}"
                return Failed(RegistryUnavailable(said, fix="Try again later.", who=Who.REGISTRY))
            case _:
                problem = RegistryUnavailable(f"the connection to {label} broke off ({kind})", fix=fix)
                return Failed(problem, again=True, whole=True)

    def too_slow(self, waited_s: float) -> RegistryUnavailable:
        """Return what to say of a request that nobody wanted to wait for any longer."""
        return RegistryUnavailable(
            f"{self._access.label} did not answer within {waited_s:.0f} s",
            fix=f"Check the network and the base URL {self._access.base_url}; or try again later.",
        )

    def _too_long(self, error: GatewayError, asked_s: float) -> RegistryUnavailable:
        cap_s = self._access.retry_cap_s
        return RegistryUnavailable(
            f"{error.message}; it asks to wait {asked_s:.0f} s, longer than the {cap_s:g} s allowed",
            fix=f"Try again in {asked_s:.0f} s.",
            retry_after_s=asked_s,
        )

    def _wait_s(self, state: RetryCallState) -> float:
        failed = state.outcome.exception() if state.outcome is not None else None
        asked_s = failed.asked_s if isinstance(failed, Failed) else None
        return back_off_s(state.attempt_number - 1, self._rng) if asked_s is None else asked_s

    def _tell_retry(self, state: RetryCallState) -> None:
        wait_s = round(state.upcoming_sleep, 3)
        _log.info("registry_retry", registry=self._access.label, retry=state.attempt_number, wait_s=wait_s)


def _headers(access: Access) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": f"mcp-gateway/{__version__}", **access.headers, **ASK_PLAIN}
    if access.api_key:
        headers["Authorization"] = f"Bearer {access.api_key}"
    return headers


def _elsewhere(access: Access) -> RegistryUnavailable:
    return RegistryUnavailable(
        f"{access.label} answered 404 Not Found where its API should be",
        fix=f"Check the base URL {access.base_url}, and whether a proxy or login page stands before it.",
        who=Who.PERSON,
    )


def _too_large(label: str) -> RegistryUnavailable:
    return RegistryUnavailable(
        f"{label} answered with more than {BODY_CAP_BYTES} bytes", fix="Ask for less.", who=Who.REGISTRY
    )
