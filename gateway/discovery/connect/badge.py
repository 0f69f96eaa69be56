"""How children's connections show who we are: a mark stands for the token until the moment a request leaves.

Specs, the store and `config show` hold `${secret:smithery-connect}`; a child's secrets hold a mark that is worth
nothing outside this process. Only here, and only for Connect's own MCP endpoints, is it exchanged for a real token.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Final

import anyio
import httpx
import msgspec
import structlog

from gateway.clock import Clock
from gateway.discovery.connect.answers import ConnectForbidden, ConnectRefused
from gateway.discovery.connect.api import Connect
from gateway.discovery.connect.names import place_of
from gateway.discovery.connect.values import Grant, ServiceToken
from gateway.errors import DiscoveryError, NotFound, RegistryUnauthorized, RegistryUnavailable
from gateway.net.bodies import plain_pieces
from gateway.net.guard import RefusedAddressError

SECRET: Final = "smithery-connect"  # noqa: S105 - a secret's name
HEADER: Final = f"Bearer ${{secret:{SECRET}}}"
"""The Authorization header of a launch through Connect."""

TOKEN_TTL_S: Final = 3600
RENEW_BEFORE_S: Final = 300.0
"""A token this near to its end is replaced first: a call may last longer than what is left of it."""

AUTHORIZATION_NEEDED: Final = -32001
ANSWER_CAP_BYTES: Final = 64 * 1024
_log = structlog.get_logger("discovery")


class NoBadgeError(RegistryUnauthorized, httpx.ConnectError):
    """No token can be had; for httpx's callers it is a connection that was not made, and not worth a retry."""


class WithBadge(Mapping[str, str]):
    """A server's secrets and the mark; spelled by its keys only."""

    def __init__(self, kept: Mapping[str, str], mark: str) -> None:
        self._kept = kept
        self._mark = mark

    def __getitem__(self, key: str) -> str:
        return self._mark if key == SECRET else self._kept[key]

    def __iter__(self) -> Iterator[str]:
        yield from (key for key in self._kept if key != SECRET)
        yield SECRET

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"WithBadge({sorted(self)})"


class Badge:
    """Gives out the mark, keeps one service token per namespace, and exchanges one for the other."""

    def __init__(self, connect: Connect, clock: Clock) -> None:
        self.connect = connect
        self._clock = clock
        self._mark = f"badge-{secrets.token_hex(16)}"
        self._tokens: dict[str, ServiceToken] = {}
        self._one_at_a_time = anyio.Lock()
        self._no_tokens = False  # this account cannot make service tokens: the key itself serves

    def with_mark(self, kept: Mapping[str, str]) -> Mapping[str, str]:
        """Add the mark to what a child is given."""
        return WithBadge(kept, self._mark)

    def transport(self, inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """Wrap the transport of remote servers."""
        return BadgeTransport(self, inner)

    def place(self, request: httpx.Request) -> str | None:
        """Return the namespace for which a request needs a token, None when it does not carry the mark.

        Raises: RefusedAddressError when the mark goes anywhere but to Connect.
        """
        carries = any(self._mark in value for value in (*request.headers.values(), str(request.url)))
        if not carries:
            return None
        place = place_of(str(request.url), self.connect.access.api_url)
        if place is None or request.headers.get("authorization") != f"Bearer {self._mark}":
            raise RefusedAddressError(
                f"the key of Smithery Connect is not sent to {request.url.host}",
                fix="Only connections of Smithery Connect may use it; remove this server and install it again.",
            )
        return place[0]

    async def token(self, namespace: str, *, instead_of: str = "") -> str:
        """Return a token for a namespace, a new one when the old is `instead_of` or near its end.

        Raises: NoBadgeError, httpx.ConnectError.
        """
        async with self._one_at_a_time:  # many children start at once: one token does for all
            known = self._tokens.get(namespace)
            if known is not None and known.value != instead_of and not self._is_old(known):
                return known.value
            try:
                return await self._renewed(namespace, known, instead_of)
            except RegistryUnauthorized as exc:
                raise NoBadgeError(exc.message, fix=exc.fix) from exc
            except DiscoveryError as exc:
                raise httpx.ConnectError(exc.message) from exc

    async def _renewed(self, namespace: str, known: ServiceToken | None, instead_of: str) -> str:
        if self._no_tokens:
            self.connect.require_key()
            return self.connect.access.api_key
        try:
            fresh = await self.connect.token(Grant(namespace, ttl_s=TOKEN_TTL_S))
        except RegistryUnavailable:
            if known is not None and known.value != instead_of and not self._is_over(known):
                return known.value  # it still serves for a little while
            raise
        except (ConnectForbidden, ConnectRefused, NotFound) as exc:
            _log.warning("service_tokens_unavailable", namespace=namespace, reason=exc.message)
            self._no_tokens = True
            return self.connect.access.api_key
        self._tokens[namespace] = fresh
        return fresh.value

    def _is_old(self, token: ServiceToken) -> bool:
        return token.expires_at is not None and token.expires_at - RENEW_BEFORE_S <= self._clock.wall()

    def _is_over(self, token: ServiceToken) -> bool:
        return token.expires_at is not None and token.expires_at <= self._clock.wall()


class BadgeTransport(httpx.AsyncBaseTransport):
    """Exchanges the mark in each request; a token that is refused is replaced once."""

    def __init__(self, badge: Badge, inner: httpx.AsyncBaseTransport) -> None:
        self._badge = badge
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises: RefusedAddressError, NoBadgeError, httpx.TransportError.
        """
        namespace = self._badge.place(request)
        if namespace is None:
            return await self._inner.handle_async_request(request)
        content = await request.aread()
        token = await self._badge.token(namespace)
        response = await self._inner.handle_async_request(_with_token(request, content, token))
        if response.status_code != 401:
            return response
        said = await _read(response)
        if _asks_for_a_person(said):
            return _again(response, said)
        fresh = await self._badge.token(namespace, instead_of=token)
        if fresh == token:
            return _again(response, said)
        return await self._inner.handle_async_request(_with_token(request, content, fresh))

    async def aclose(self) -> None:
        """Close what it wraps."""
        await self._inner.aclose()


def _with_token(request: httpx.Request, content: bytes, token: str) -> httpx.Request:
    headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"authorization"]
    return httpx.Request(
        method=request.method,
        url=request.url,
        headers=[*headers, (b"authorization", f"Bearer {token}".encode("ascii"))],
        stream=httpx.ByteStream(content),
        extensions=request.extensions,
    )


async def _read(response: httpx.Response) -> bytes:
    """Read a refusal, up to what one may be long; the rest is dropped with the connection."""
    body = bytearray()
    try:
        async for piece in plain_pieces(response):
            body += piece
            if len(body) > ANSWER_CAP_BYTES:
                break
    finally:
        await response.aclose()
    return bytes(body[:ANSWER_CAP_BYTES])


def _again(response: httpx.Response, body: bytes) -> httpx.Response:
    dropped = {"content-length", "content-encoding", "transfer-encoding"}
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in dropped]
    return httpx.Response(response.status_code, headers=headers, content=body)


def _asks_for_a_person(body: bytes) -> bool:
    """Whether a 401 is about the server behind the connection, not about our token."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    error = value.get("error") if isinstance(value, dict) else None
    return isinstance(error, dict) and error.get("code") == AUTHORIZATION_NEEDED
