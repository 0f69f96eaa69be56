"""May this be installed? Allow, deny, cool-down and trust, each with a reason. No I/O; `now` is an argument."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from gateway.errors import NotFound, RefusedByPolicy
from gateway.install.planning.versions import semver_key
from gateway.listing import Listing
from gateway.model import Origin

DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's `[install]` section as the room needs it.

    Patterns are shell-style and match the reference (`npm:@scope/*`, `smithery:acme/*`, `acme/echo`).
    `allow_fresh` is the recorded exception of one install from the cool-down.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    cooldown_days: float = 7.0
    trusted_origins: tuple[str, ...] = ()
    allow_fresh: bool = False

    @property
    def cooldown_s(self) -> float:
        """How old a release must be, in seconds."""
        return 0.0 if self.allow_fresh else max(0.0, self.cooldown_days) * DAY_S


def check_allowed(rules: Rules, names: Collection[str]) -> None:
    """Refuse what `deny` matches, and, when there is an `allow` list, what it does not match.

    `names` are all spellings of one thing; `deny` wins over `allow`.

    Raises: RefusedByPolicy.
    """
    shown = next(iter(names))
    for pattern in rules.deny:
        if any(fnmatchcase(name, pattern) for name in names):
            raise RefusedByPolicy(f"{shown} is denied by {pattern!r}", fix="See [install] deny.")
    if rules.allow and not any(fnmatchcase(name, pattern) for name in names for pattern in rules.allow):
        raise RefusedByPolicy(f"{shown} is not on the list of what may be installed", fix="See [install] allow.")


def check_listing(rules: Rules, listing: Listing) -> list[str]:
    """Refuse a withdrawn or badly scanned server; return warnings about the others.

    Raises: RefusedByPolicy.
    """
    if listing.status == "deleted":
        when = f" on {listing.status_changed_at[:10]}" if listing.status_changed_at else ""
        said = f": {listing.status_message}" if listing.status_message else ""
        raise RefusedByPolicy(
            f"{listing.name} was withdrawn from its registry{when}{said}", fix="Choose another server."
        )
    if listing.scan_passed is False and listing.name not in rules.allow:
        raise RefusedByPolicy(
            f"{listing.name} did not pass its registry's security scan",
            fix=f"If you trust it all the same, name it in [install] allow: {listing.name!r}.",
        )
    warnings = []
    if listing.status == "deprecated":
        warnings.append(
            f"its publisher calls it deprecated{': ' if listing.status_message else ''}{listing.status_message}"
        )
    return warnings


def check_origin(origin: Origin, *, local_file: bool) -> None:
    """Refuse to let agents and discovery rules name files of this machine.

    Raises: RefusedByPolicy.
    """
    if local_file and origin in {Origin.AGENT, Origin.DISCOVER}:
        raise RefusedByPolicy("a bundle file of this machine is installed by people only", fix="Use the command line.")


def check_age(rules: Rules, what: str, published_at: float | None, now: float) -> str | None:
    """Refuse a release younger than the cool-down, or of unknown age.

    Returns a note to record when the exception was used, else None.

    Raises: RefusedByPolicy.
    """
    if rules.allow_fresh:
        return f"the cool-down for {what} was waived (allow-fresh)"
    if rules.cooldown_s <= 0:
        return None
    if published_at is None:
        raise RefusedByPolicy(
            f"nobody says when {what} was published, so its cool-down ({rules.cooldown_days:g} days) cannot be checked",
            fix=ALLOW_FRESH,
            code="age_unknown",
        )
    age_days = (now - published_at) / DAY_S
    if age_days < rules.cooldown_days:
        raise RefusedByPolicy(
            f"{what} was published {age_words(age_days)} ago, less than {rules.cooldown_days:g} days (the cool-down)",
            fix=f"Wait, choose an older version, or: {ALLOW_FRESH}",
            code="too_fresh",
        )
    return None


ALLOW_FRESH = "install it with --allow-fresh if you have looked at it yourself (this is recorded)."
"""How a person makes the exception from the cool-down."""


def age_words(days: float) -> str:
    """An age in the unit that says most."""
    return f"{days:.1f} days" if days >= 1 else f"{max(days, 0.0) * 24:.1f} hours"


def newest_allowed(
    rules: Rules, what: str, versions: Sequence[str], times: Mapping[str, str], *, now: float, latest: str | None
) -> str:
    """Choose the highest release that is old enough; never a pre-release, never above the publisher's `latest`.

    Raises: RefusedByPolicy, NotFound.
    """
    ceiling = semver_key(latest) if latest else None
    releases = [
        (key, version)
        for version in versions
        if (key := semver_key(version)) is not None and not key.prerelease and (ceiling is None or key <= ceiling)
    ]
    if not releases:
        raise NotFound(f"{what} has no release", fix="Name an exact version.")
    releases.sort(reverse=True)
    for _, version in releases:
        published = parse_time(times.get(version))
        if rules.cooldown_s <= 0 or (published is not None and now - published >= rules.cooldown_s):
            return version
    newest = releases[0][1]
    check_age(rules, f"{what}@{newest}", parse_time(times.get(newest)), now)
    raise RefusedByPolicy(f"no release of {what} is old enough", fix=ALLOW_FRESH, code="too_fresh")


def parse_time(text: object) -> float | None:
    """Seconds since the epoch of an RFC 3339 time; None when it is not one."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None
