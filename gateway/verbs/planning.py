"""From what a person asked for to an install plan: references looked up, rules read, the machine probed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from gateway.config import Config
from gateway.errors import RefusedByPolicy, UsageError
from gateway.install.planning.blueprint import BundleSource, InstallPlan, named_by
from gateway.install.planning.plan import make_plan
from gateway.install.planning.references import Reference, RefKind, parse_reference, suggest_name
from gateway.install.planning.rules import Rules
from gateway.install.planning.settings import Placeholder, SettingsError
from gateway.listing import Listing
from gateway.model import Origin
from gateway.verbs.parts import Parts

LISTED = {RefKind.LISTING, RefKind.SMITHERY, RefKind.REGISTRY, RefKind.STARTER}


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants installed, and how. `secrets` are values; `secret_keys` name values that are kept already."""

    name: str
    alias: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_keys: Collection[str] = ()
    args: Sequence[str] = ()
    origin: Origin = Origin.CLI
    allow_fresh: bool = False
    sha256: str = ""  # of the bundle; another content is refused
    via: str = "direct"  # or "connect": through Smithery Connect
    granted: tuple[str, ...] | None = None  # what a person named once, where `settings` hold defaults as well


def rules_of(config: Config, *, allow_fresh: bool = False) -> Rules:
    """The operator's `[install]` section, with the registries' own addresses trusted."""
    install = config.install
    return Rules(
        allow=install.allow,
        deny=install.deny,
        cooldown_days=install.cooldown_days,
        trusted_origins=trusted_origins(config),
        allow_fresh=allow_fresh,
    )


def trusted_origins(config: Config) -> tuple[str, ...]:
    """URLs of these origins are trusted as the configuration is."""
    smithery = config.smithery
    return (smithery.base_url, smithery.connect_url, config.registry.base_url, *config.install.trusted_origins)


async def plan_for(parts: Parts, ask: Ask) -> InstallPlan:
    """Look up what is asked for and plan it.

    Raises: UsageError, NotFound, DiscoveryError, RefusedByPolicy, InstallError.
    """
    reference = parse_reference(ask.name)
    name = ask.alias or suggest_name(reference.identifier)
    if reference.kind in LISTED:
        listing = await _listing(parts, reference)
        suspicions = await _suspicions(parts, listing, ask.origin)
        from_ = reference.text if reference.version else None
        plan = await plan_of(parts, listing, name=name, ask=ask, from_=from_)
        return replace(plan, warnings=(*plan.warnings, *suspicions))
    return await plan_of(parts, reference, name=name, ask=ask)


async def _suspicions(parts: Parts, listing: Listing, origin: Origin) -> tuple[str, ...]:
    """Whom a listing could be taken for: a warning to a person, a refusal where no person looks.

    Raises: RefusedByPolicy.
    """
    suspicions = await parts.finder.lookalike_warnings(listing)
    if suspicions and origin in {Origin.AGENT, Origin.DISCOVER}:
        raise RefusedByPolicy(
            f"{listing.name} may not be what it seems: {'; '.join(suspicions)}",
            fix=f"A person who has looked at it may install it: mcp-gateway install {listing.source}:{listing.name}",
        )
    return suspicions


async def _listing(parts: Parts, reference: Reference) -> Listing:
    """Look up the newest release, or exactly the one that is asked for."""
    source = None if reference.kind is RefKind.LISTING else reference.kind.value
    if reference.version is not None:
        return await parts.finder.release(reference.identifier, reference.version, source=source)
    listing, _ = await parts.finder.show(reference.identifier, source=source)
    return listing


async def plan_of(
    parts: Parts, target: Listing | Reference, *, name: str, ask: Ask, from_: str | None = None
) -> InstallPlan:
    """Plan a listing or a package reference under our own short name."""
    plan = make_plan(
        target,
        name=name,
        settings=dict(ask.settings),
        secret_keys=ask.secret_keys,
        secrets=ask.secrets,
        machine=await parts.machine(),
        rules=rules_of(parts.config(), allow_fresh=ask.allow_fresh),
        now=parts.clock.wall(),
        origin=ask.origin,
        args=ask.args,
        from_=from_,
    )
    if ask.granted is not None:
        named = (*ask.granted, *named_by(ask.origin, {}, ask.args))
        plan = replace(plan, granted=tuple(dict.fromkeys(named)))
    return with_sha256(plan, ask.sha256)


def with_sha256(plan: InstallPlan, sha256: str) -> InstallPlan:
    """Hold a bundle to the content that somebody wrote down; "" holds it to nothing more.

    Raises: UsageError for what is no bundle; RefusedByPolicy when its listing promises another content.
    """
    if not sha256:
        return plan
    source = plan.source
    if not isinstance(source, BundleSource):
        raise UsageError(f"{plan.from_} is no bundle, so it has no sha256", fix="Pin a package by its exact version.")
    if source.sha256 not in {None, sha256}:
        raise RefusedByPolicy(
            f"{plan.from_} now has another content: sha256 {source.sha256}, not {sha256}",
            fix="Look at what changed, then correct sha256 or leave it out.",
        )
    return replace(plan, source=msgspec.structs.replace(source, sha256=sha256))


async def preview_of(parts: Parts, listing: Listing) -> InstallPlan:
    """Plan a listing as if everything it wants had been given, to show what would be run."""
    ask = Ask(listing.name)
    try:
        return await plan_of(parts, listing, name="preview", ask=ask)
    except SettingsError as problem:
        filled = Ask(
            listing.name,
            settings={key: Placeholder(f"<{key}>") for key in problem.missing},
            secret_keys=problem.missing_secrets,
        )
        return await plan_of(parts, listing, name="preview", ask=filled)
