"""`[[discover]]` rules: which installs a need asks for. A vacancy is filled; what works is never replaced. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.config.registries import DiscoverRule
from gateway.listing import Listing


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
