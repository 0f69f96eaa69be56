"""From what a person asked for to an install plan: references looked up, rules read, the machine probed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.config import Config
from gateway.errors import NotFound
from gateway.install.planning.blueprint import InstallPlan
from gateway.install.planning.plan import make_plan
from gateway.install.planning.references import Reference, RefKind, parse_reference, suggest_name
from gateway.install.planning.rules import Rules
from gateway.install.planning.settings import SettingsError
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
        source = None if reference.kind is RefKind.LISTING else reference.kind.value
        listing, _ = await parts.finder.show(reference.identifier, source=source)
        _check_version(reference, listing)
        return await plan_of(parts, listing, name=name, ask=ask)
    return await plan_of(parts, reference, name=name, ask=ask)


def _check_version(reference: Reference, listing: Listing) -> None:
    """Registries describe their newest release only: another one is not quietly put in its place."""
    if reference.version is not None and reference.version != listing.version:
        raise NotFound(
            f"{listing.source} offers {listing.name} in version {listing.version or 'unknown'},"
            f" not {reference.version}",
            fix="Leave the version out, or name the package itself (npm:…, pypi:…) with that version.",
        )


async def plan_of(parts: Parts, target: Listing | Reference, *, name: str, ask: Ask) -> InstallPlan:
    """Plan a listing or a package reference under our own short name."""
    return make_plan(
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
    )


async def preview_of(parts: Parts, listing: Listing) -> InstallPlan:
    """Plan a listing as if everything it wants had been given, to show what would be run."""
    ask = Ask(listing.name)
    try:
        return await plan_of(parts, listing, name="preview", ask=ask)
    except SettingsError as problem:
        filled = Ask(
            listing.name,
            settings={key: f"<{key}>" for key in problem.missing},
            secret_keys=problem.missing_secrets,
        )
        return await plan_of(parts, listing, name="preview", ask=filled)
