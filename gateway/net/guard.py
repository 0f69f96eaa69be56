"""An httpx transport that cannot be led astray: it resolves a name once, judges every address, and dials that address.

Redirects are new requests of the client and pass here again, hop by hop. Trusted origins (an operator's own registry,
a test's stand-in) skip the address check. The environment's proxies are never used.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType

import anyio
import httpx

from gateway.errors import RefusedByPolicy
from gateway.net.addresses import DEFAULT_PORTS, normalise_origins, origin_of, why_not_fetchable, why_not_public


class RefusedAddressError(RefusedByPolicy, httpx.ConnectError):
    """An address was refused; for httpx's callers it is a connection that was not made, and not worth a retry."""

    code = "refused_address"


Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Name and port to IP addresses; raises OSError when there are none."""

RESOLVE_TIMEOUT_S = 10.0
MAX_INNER = 64  # pools kept open, one per origin; the oldest is closed beyond that
MAX_REDIRECTS = 5


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver, within bounds."""
    with anyio.fail_after(RESOLVE_TIMEOUT_S):
        found = await anyio.getaddrinfo(host, port)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


async def public_addresses(host: str, port: int, resolver: Resolve = resolve) -> list[str]:
    """Resolve `host` and return its addresses, all of them public.

    One private address among public ones refuses the name: a rebinding name mixes them on purpose.

    Raises: RefusedAddressError, httpx.ConnectError.
    """
    try:
        addresses = await resolver(host, port)
    except (OSError, TimeoutError, UnicodeError) as exc:
        raise httpx.ConnectError(f"{host} cannot be resolved") from exc
    for address in addresses:
        why = why_not_public(address)
        if why is not None:
            raise RefusedAddressError(
                f"{host} leads to {address} ({why}), which is not a public address",
                fix="If this is a service of your own, add its origin to [install] trusted_origins.",
            )
    if not addresses:
        raise httpx.ConnectError(f"{host} has no address")
    return addresses


def check_url(url: str, trusted: frozenset[str]) -> None:
    """Refuse a URL by its spelling.

    Raises: RefusedAddressError.
    """
    why = why_not_fetchable(url, trusted)
    if why is not None:
        raise RefusedAddressError(
            f"the address {_shown(url)} is refused: {why}",
            fix="Use an https address, or add its origin to [install] trusted_origins.",
        )


def _shown(url: str) -> str:
    # Query and user part may carry credentials; scheme, host and path are enough to recognise it.
    return ascii(url.split("?", 1)[0].rsplit("@", 1)[-1][:200])


class GuardedTransport(httpx.AsyncBaseTransport):
    """Checks and pins each request, then hands it to a plain transport of that origin.

    There is one inner transport per origin, because pools are keyed by the dialled address: two names on one
    address must not share a TLS connection that was verified for only one of them.
    """

    def __init__(
        self,
        *,
        trusted_origins: Iterable[str] = (),
        resolver: Resolve = resolve,
        make_inner: Callable[[], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        self._trusted = normalise_origins(list(trusted_origins))
        self._resolver = resolver
        self._make_inner = make_inner or (lambda: httpx.AsyncHTTPTransport(trust_env=False))
        self._inner: dict[str, httpx.AsyncBaseTransport] = {}

    async def __aenter__(self) -> GuardedTransport:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request (one hop).

        Raises: RefusedAddressError, httpx.TransportError.
        """
        url = str(request.url)
        check_url(url, self._trusted)
        origin = origin_of(url) or ""
        inner = await self._inner_of(origin)
        if origin in self._trusted:
            return await inner.handle_async_request(request)
        host = request.url.host
        port = request.url.port or DEFAULT_PORTS[request.url.scheme]
        failure: httpx.ConnectError | None = None
        for address in await public_addresses(host, port, self._resolver):
            try:
                return await inner.handle_async_request(_dialled(request, address, host))
            except httpx.ConnectError as exc:  # nothing was sent yet: the next address may be tried
                failure = exc
        raise failure or httpx.ConnectError(f"{host} has no address")

    async def _inner_of(self, origin: str) -> httpx.AsyncBaseTransport:
        inner = self._inner.get(origin)
        if inner is None:
            inner = self._inner[origin] = self._make_inner()
            if len(self._inner) > MAX_INNER:
                oldest = next(iter(self._inner))
                await self._inner.pop(oldest).aclose()
        return inner

    async def aclose(self) -> None:
        """Close every connection."""
        inners, self._inner = list(self._inner.values()), {}
        for inner in inners:
            await inner.aclose()


def _dialled(request: httpx.Request, address: str, host: str) -> httpx.Request:
    """Return the same request aimed at an IP address; the Host header and TLS keep speaking of the name."""
    return httpx.Request(
        method=request.method,
        url=request.url.copy_with(host=address),
        headers=request.headers,  # has Host already, made from the name
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )


def guarded_client(
    *,
    trusted_origins: Iterable[str] = (),
    timeout_s: float = 30.0,
    follow_redirects: bool = True,
    resolver: Resolve = resolve,
) -> httpx.AsyncClient:
    """Make an httpx client for addresses that came from a registry."""
    return httpx.AsyncClient(
        transport=GuardedTransport(trusted_origins=trusted_origins, resolver=resolver),
        timeout=timeout_s,
        follow_redirects=follow_redirects,
        max_redirects=MAX_REDIRECTS,
        trust_env=False,
    )
