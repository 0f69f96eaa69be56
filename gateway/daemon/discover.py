"""`[[discover]]` rules: which installs a need asks for. A vacancy is filled; what works is never replaced. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.config.registries import DiscoverRule
from gateway.listing import Listing
from gateway.model import Origin, ServerName
from gateway.store.installed import InstalledServer

ORPHAN = "no [[discover]] rule wants it any more; it stays until you remove it"


@dataclass(frozen=True, slots=True)
class Vacancy:
    """How many servers a rule still wants, and which listings it may have, best first."""

    rule: DiscoverRule
    count: int
    listings: tuple[Listing, ...]


def rule_key(rule: DiscoverRule) -> str:
    """Name a rule so that what it installed can be counted later."""
    return f"discover:{rule.query}"


def vacancy(rule: DiscoverRule, found: Iterable[Listing], filled: int, installed: Collection[str]) -> Vacancy:
    """Say what a rule may install: allowed, not denied, verified if so asked, and not here yet.

    `filled` counts what the rule installed before; `installed` holds the registry names that are here already.
    """
    wanted = max(0, rule.limit - filled)
    fitting = tuple(listing for listing in found if may_fill(rule, listing) and listing.name not in installed)
    return Vacancy(rule, wanted, fitting if wanted else ())


def may_fill(rule: DiscoverRule, listing: Listing) -> bool:
    """Whether a rule allows a listing at all."""
    if rule.verified_only and not listing.verified:
        return False
    if any(fnmatchcase(listing.name, pattern) for pattern in rule.deny):
        return False
    return not rule.allow or any(fnmatchcase(listing.name, pattern) for pattern in rule.allow)


def installed_names(here: Iterable[InstalledServer]) -> set[str]:
    """The registry names of what is here already."""
    return {server.from_ref.partition(":")[2] for server in here}


def adopted(
    rule: DiscoverRule, here: Iterable[InstalledServer], owned: Collection[str], found: Iterable[Listing]
) -> list[ServerName]:
    """Name the servers that a rule which is gone installed, and this one would install: they count for it, too.

    `owned` are the servers of the rules that there are.
    """
    fitting = {listing.name for listing in found if may_fill(rule, listing)}
    lone = [server for server in here if server.spec.origin is Origin.DISCOVER and server.spec.name not in owned]
    return [server.spec.name for server in lone if server.from_ref.partition(":")[2] in fitting][: rule.limit]
