"""What an install plan is: the values that planning makes and installing reads. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.install.fitness.verdict import Check
from gateway.install.packages import commands
from gateway.install.planning.machine import Machine
from gateway.install.planning.rules import Rules
from gateway.install.planning.settings import Settings, words_of
from gateway.model import Origin, RemoteLaunch, ServerName

_PATH = re.compile(r"(^|[=:,])/(?!/)")
"""An absolute path in a word: the whole, what follows an option's `=`, or an item of a list."""


class PackageSource(msgspec.Struct, frozen=True, tag="package"):
    """A package of npm or PyPI; version None: the newest that the rules allow."""

    registry: str
    package: str
    version: str | None = None
    extras: tuple[str, ...] = ()


class BundleSource(msgspec.Struct, frozen=True, tag="bundle"):
    """An MCPB bundle: from `url`, or (given by a person) the file `path`."""

    url: str = ""
    path: str = ""
    sha256: str | None = None
    authorize: bool = False
    schema_keys: tuple[str, ...] = ()  # keys that the listing asks for, though the manifest may not know them


class ImageSource(msgspec.Struct, frozen=True, tag="image"):
    """A container image: `repository` with its registry, an exact `tag` or a `digest` (64 hex digits), or both."""

    repository: str
    tag: str | None = None
    digest: str | None = None


class RemoteSource(msgspec.Struct, frozen=True, tag="remote"):
    """Nothing to fetch: the server runs elsewhere."""

    launch: RemoteLaunch


PlanSource = PackageSource | BundleSource | ImageSource | RemoteSource


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """What an installation will do.

    `arguments` and `environment` may hold `${content}` (the installed files), `${data}` (the server's private
    folder) and `${secret:KEY}`. `given_secrets` are values on their way to the secret store; they are in no
    spelling of the plan.
    """

    name: ServerName
    from_: str
    origin: Origin
    source: PackageSource | BundleSource | ImageSource | RemoteSource
    rules: Rules
    before: str | None  # RFC 3339: only releases older than this
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    secret_keys: tuple[str, ...] = ()
    given_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    description: str = ""
    version: str | None = None
    warnings: tuple[str, ...] = ()
    steps: tuple[Mapping[str, Any], ...] = ()
    launch: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()  # what was looked at before anything is fetched
    granted: tuple[str, ...] = ()  # see `named_by`

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values, without any secret value: for `--dry-run`, `show` and the dashboard."""
        return {
            "name": self.name,
            "from": self.from_,
            "origin": self.origin.value,
            "version": self.version,
            "steps": [dict(step) for step in self.steps],
            "launch": dict(self.launch),
            "settings": dict(self.settings),
            "secrets": list(self.secret_keys),
            "cooldown_days": self.rules.cooldown_days,
            "allow_fresh": self.rules.allow_fresh,
            "warnings": list(self.warnings),
            "granted": list(self.granted),
            "checks": [check.to_json() for check in self.checks],
        }


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person said, carried through planning."""

    name: ServerName
    from_: str
    origin: Origin
    settings: Settings
    secret_keys: tuple[str, ...]
    given_secrets: Mapping[str, str]
    args: tuple[str, ...]
    machine: Machine
    rules: Rules
    now: float

    @property
    def before(self) -> str | None:
        """Only releases older than this, as RFC 3339."""
        return commands.cutoff(self.now, self.rules.cooldown_s)


def named_by(origin: Origin, settings: Settings, args: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a person that name places: what they lead to is given to the server, if it is there.

    What a publisher wrote (fixed values, defaults, a bundle's manifest) is none of it, nor what an agent asks for.
    """
    if origin in {Origin.AGENT, Origin.DISCOVER}:
        return ()
    return tuple(dict.fromkeys(word for word in words_of([settings, args]) if _PATH.search(word)))


def assemble(wish: Wish, source: PlanSource, **fields: Any) -> InstallPlan:
    """Make the plan of a wish; `fields` are what its kind of source adds."""
    runs_here = isinstance(source, PackageSource | BundleSource)
    common: dict[str, Any] = {
        "name": wish.name,
        "from_": wish.from_,
        "origin": wish.origin,
        "source": source,
        "rules": wish.rules,
        "before": wish.before,
        "settings": wish.settings,
        "secret_keys": wish.secret_keys,
        "given_secrets": wish.given_secrets,
        "granted": named_by(wish.origin, wish.settings, wish.args) if runs_here else (),
    }
    return InstallPlan(**(common | fields))
