"""The older releases of a server, where its registry keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gateway.discovery.ports import ListingSource, Versioned
from gateway.errors import DiscoveryError, GatewayError, NotFound
from gateway.listing import ListedVersion, Listing

SHOWN = 5  # releases named in an error


class OneListing(Protocol):
    """Remembers the newest release of a server."""

    async def get(self, source: str, name: str) -> Listing | None: ...


async def exact_release(sources: Iterable[ListingSource], store: OneListing, name: str, version: str) -> Listing:
    """Return one server in exactly this version, from the first source that keeps versions.

    A source that keeps none serves with its newest release, where that is the one.

    Raises:
        NotFound: it has no such version (says which it has).
        UsageError: the name or the version cannot be one.
        DiscoveryError: the source cannot be asked, and the version is not remembered.
    """
    for source in sources:
        if isinstance(source, Versioned):
            try:
                return (await source.get_version(name, version)).listings[0]
            except NotFound as error:
                raise await _no_such(source, name, version) from error
            except DiscoveryError:
                known = await store.get(source.name, name)
                if known is not None and known.version == version:
                    return known
                raise
        else:
            newest = (await source.get(name)).listings[0]
            if newest.version == version:
                return newest
            raise NotFound(
                f"{source.name} offers {name} in version {newest.version or 'unknown'}, not {version}",
                fix="Leave the version out, or name the package itself (npm:…, pypi:…) with that version.",
            )
    raise NotFound(f"no source can be asked for {name}", fix="Switch one on in the configuration.")


async def releases_of(sources: Iterable[ListingSource], listing: Listing) -> tuple[ListedVersion, ...] | None:
    """Return all releases of a server, newest first; None when its source does not tell them (now)."""
    for source in sources:
        if isinstance(source, Versioned) and source.name == listing.source:
            try:
                return await source.versions(listing.name)
            except GatewayError:
                return None
    return None


async def _no_such(source: Versioned, name: str, version: str) -> NotFound:
    try:
        known = [one.version for one in await source.versions(name) if one.status != "deleted"]
    except GatewayError:
        known = []
    if not known:
        return NotFound(f"{name} is not known in any version", fix="Look for it with `mcp-gateway search`.")
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return NotFound(f"{name} has no version {version}", fix=f"It has {', '.join(known[:SHOWN])}{more}.")
