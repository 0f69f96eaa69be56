"""Can this listing run on this machine, and by which of its connections? A verdict with reasons. No I/O."""

from __future__ import annotations

from collections.abc import Collection

from gateway.errors import GatewayError, InstallError, RefusedByPolicy
from gateway.install.bundles.manifest import Manifest
from gateway.install.fitness.configuration import configuration_check
from gateway.install.fitness.connections import package_reference
from gateway.install.fitness.listings import judge
from gateway.install.fitness.runtimes import manifest_checks
from gateway.install.fitness.verdict import Check, State, Topic
from gateway.install.planning.machine import Machine
from gateway.install.planning.settings import Settings, SettingsError
from gateway.listing import Connection, Listing

__all__ = ["Unfit", "fit", "judged_with_values", "package_reference", "require", "verdict", "why_manifest_not"]
_ELSEWHERE = "`mcp-gateway search` finds other servers."


class Unfit(InstallError):
    """A listing cannot run here; `checks` says each reason with its fix."""

    def __init__(self, message: str, *, fix: str, checks: Collection[Check]) -> None:
        super().__init__(message, step="check", fix=fix)
        self.checks = tuple(check.to_json() for check in checks)


def verdict(listing: Listing, machine: Machine) -> tuple[bool, list[str]]:
    """Say whether the listing can be installed here, and why not (or what is not known yet)."""
    fitness = judge(listing, machine)
    if fitness.verdict.compatible is None:
        return True, [check.message for check in fitness.verdict.checks if check.state is State.UNKNOWN]
    return fitness.verdict.compatible, fitness.verdict.reasons


def require(listing: Listing, machine: Machine) -> Connection:
    """Return the connection to use.

    Raises: Unfit or RefusedByPolicy, as `fit` does.
    """
    return fit(listing, machine)[0]


def fit(
    listing: Listing,
    machine: Machine,
    *,
    name: str = "",
    allowed: Collection[str] = (),
    settings: Settings | None = None,
    secrets: Collection[str] = (),
) -> tuple[Connection, tuple[Check, ...]]:
    """Return the connection to use and what was found out, before anything is fetched.

    Raises: RefusedByPolicy when its registry speaks against it, SettingsError when only what it wants to be told does,
    else Unfit; each tells all reasons and fixes at once, values that are missing in `settings` included.
    """
    fitness = judge(listing, machine, name=name, allowed=allowed)
    if fitness.chosen is not None and fitness.verdict.compatible:
        return fitness.chosen, fitness.verdict.checks
    checks = list(fitness.verdict.failed)
    if settings is not None and listing.connections:
        values = configuration_check(fitness.chosen or listing.connections[0], settings, secrets)
        checks += [values] if values.state is State.FAILED else []
    raise _error(listing, checks, is_refused=_is_refused(listing, allowed))


def judged_with_values(
    checks: Collection[Check], connection: Connection, settings: Settings, secrets: Collection[str]
) -> tuple[Check, ...]:
    """Put in place of what will be asked for how the given values stand."""
    mine = configuration_check(connection, settings, secrets, trusted=True)
    return tuple(mine if check.what is Topic.CONFIGURATION else check for check in checks)


def _is_refused(listing: Listing, allowed: Collection[str]) -> bool:
    return listing.status == "deleted" or (listing.scan_passed is False and listing.name not in allowed)


def _error(listing: Listing, checks: Collection[Check], *, is_refused: bool) -> GatewayError:
    reasons = "; ".join(dict.fromkeys(check.message for check in checks))
    fix = " ".join(dict.fromkeys([*(check.fix for check in checks if check.fix), _ELSEWHERE]))
    if is_refused:
        return RefusedByPolicy(f"{listing.name} is refused: {reasons}", fix=fix)
    if all(check.what is Topic.CONFIGURATION for check in checks):
        return SettingsError(f"{listing.name}: {reasons}")
    return Unfit(f"{listing.name} cannot run here: {reasons}", fix=fix, checks=checks)


def why_manifest_not(manifest: Manifest, machine: Machine) -> list[str]:
    """Every reason why a bundle with this manifest cannot run here."""
    return [check.message for check in manifest_checks(manifest, machine) if check.state is State.FAILED]
