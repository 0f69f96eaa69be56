"""Which level confines a server, from what is asked and what this machine can; always with the reason. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.model import SandboxPolicy


class Level(StrEnum):
    """How much a server is kept away from; each later one keeps away more."""

    NONE = "none"
    LANDLOCK = "landlock"
    BWRAP = "bwrap"


class Kind(StrEnum):
    """What a server is to us."""

    INSTALLED = "installed"  # its code came from a registry or a bundle
    OWN = "own"  # a command of the operator
    CONTAINER = "container"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class Ability:
    """Whether this machine can do something; if not: why, and what to do about it."""

    works: bool
    why_not: str = ""
    fix: str = ""


NOT_LINUX: Final = Ability(False, "only Linux has it", "Run the gateway on Linux.")


@dataclass(frozen=True, slots=True)
class Host:
    """What this machine can do to confine a program."""

    landlock: Ability
    bwrap: Ability
    filters_sockets: Ability  # a filter of system calls keeps the network away
    landlock_version: int = 0
    bwrap_path: str = ""
    namespaces: tuple[str, ...] = ()  # beside those that bwrap must have: ipc, net
    has_scopes: bool = False  # signals and abstract sockets can be kept from what is outside

    def can(self, level: Level, *, offline: bool) -> Ability:
        """Whether a level works here, without a network if that is asked for."""
        if level is Level.NONE:
            return Ability(not offline, "without a sandbox the network cannot be kept away", _NEEDS_LEVEL)
        able = self.landlock if level is Level.LANDLOCK else self.bwrap
        is_enough = not offline or (level is Level.BWRAP and "net" in self.namespaces)
        return able if is_enough or not able.works else self.filters_sockets


_NEEDS_LEVEL: Final = 'Set level = "auto" in [server.sandbox], or network = "host".'


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a server is confined, and why so and not more."""

    level: Level
    network: str  # host | none
    why: str

    def to_json(self) -> dict[str, Any]:
        """As `status` shows it."""
        return {"level": self.level.value, "network": self.network, "why": self.why}


@dataclass(frozen=True, slots=True)
class Impossible:
    """What was asked for cannot be had: the server must not start."""

    why: str
    fix: str


def decide(policy: SandboxPolicy, kind: Kind, host: Host) -> Verdict | Impossible:
    """Choose the level of a server.

    What was asked for by name is had or refused. `auto` takes less where it must, but never gives a network to one that
    shall have none.
    """
    offline = policy.network == "none"
    if kind in _BOXES:
        return _elsewhere(policy, kind, offline=offline)
    if policy.level != "auto":
        return _asked(Level(policy.level), host, offline=offline)
    if kind is Kind.OWN and not offline:
        return Verdict(Level.NONE, "host", "it is a command of your own, and no level is asked for")
    order = (Level.LANDLOCK, Level.BWRAP) if kind is Kind.OWN else (Level.BWRAP, Level.LANDLOCK)
    return _first(order, host, offline=offline)


_BOXES: Final = {
    Kind.CONTAINER: "it runs in a container, which confines it; what runs here is only Docker's client",
    Kind.REMOTE: "it runs elsewhere",
}


def _elsewhere(policy: SandboxPolicy, kind: Kind, *, offline: bool) -> Verdict | Impossible:
    if kind is Kind.REMOTE:  # nothing is started, so nothing can be refused
        return Verdict(Level.NONE, "host", _BOXES[kind])
    if policy.level in {Level.LANDLOCK, Level.BWRAP} or offline:
        what = f'level = "{policy.level}"' if policy.level != "auto" else 'network = "none"'
        return Impossible(f"{what} cannot be had: {_BOXES[kind]}", f"Remove {what} from its [server.sandbox].")
    return Verdict(Level.NONE, "host", _BOXES[kind])


def _asked(level: Level, host: Host, *, offline: bool) -> Verdict | Impossible:
    can = host.can(level, offline=offline)
    if not can.works:
        what = f"the level {level.value}" + (" without a network" if offline else "")
        return Impossible(f"{what} cannot be had here: {can.why_not}", can.fix)
    return Verdict(level, "none" if offline else "host", "; ".join(["asked for", *_left_open(level, offline=offline)]))


def _first(order: tuple[Level, ...], host: Host, *, offline: bool) -> Verdict | Impossible:
    missing: list[str] = []
    fixes: list[str] = []
    for level in order:
        can = host.can(level, offline=offline)
        if can.works:
            told = [*(missing if order[0] is Level.BWRAP else []), _WHAT[level], *_left_open(level, offline=offline)]
            reason = "; ".join(told)
            return Verdict(level, "none" if offline else "host", reason)
        missing.append(f"{level.value}: {can.why_not}")
        fixes.append(can.fix)
    if offline:
        return Impossible(f"its network cannot be kept away here: {'; '.join(missing)}", " Or: ".join(fixes))
    return Verdict(Level.NONE, "host", "; ".join(missing))


_WHAT: Final = {
    Level.BWRAP: "namespaces of its own",
    Level.LANDLOCK: "only its own files, and the system's to read",
}


_OPEN: Final = (
    "landlock has no rule for sockets with a file (Docker's, an SSH agent's, a database's) nor for the modes and times "
    "of your files: it can connect to the ones and change the others, as you can"
)


def _left_open(level: Level, *, offline: bool) -> list[str]:
    """What a server can do although its level's name may promise otherwise."""
    if level is not Level.LANDLOCK:
        return []
    return ["modes of files stay open to it" if offline else "sockets with a file and modes of files stay open to it"]


@dataclass(frozen=True, slots=True)
class Summary:
    """What is in force for installed servers, for `doctor`."""

    level: Level
    message: str
    fix: str


def summary(host: Host) -> Summary:
    """Say which level installed servers get here, and why not more."""
    verdict = decide(SandboxPolicy(), Kind.INSTALLED, host)
    level = verdict.level if isinstance(verdict, Verdict) else Level.NONE
    lacks: list[str] = []
    fixes: list[str] = []
    if not host.bwrap.works:
        lacks.append(f"bwrap: {host.bwrap.why_not}")
        fixes.append(host.bwrap.fix)
    if not host.landlock.works:
        lacks.append(f"landlock: {host.landlock.why_not}")
        fixes.append(host.landlock.fix)
    elif level is not Level.NONE and not host.has_scopes:
        lacks.append(f"landlock {host.landlock_version} of this kernel keeps signals and abstract sockets from nobody")
    if level is Level.LANDLOCK:
        lacks.append(_OPEN)
    if level is Level.BWRAP and "ipc" not in host.namespaces:
        lacks.append("no namespace for System V memory is allowed")
    offline = host.can(level, offline=True)
    if level is not Level.NONE and not offline.works:
        lacks.append(f'network = "none" does not work: {offline.why_not}')
        fixes.append(offline.fix)
    shown = "none: installed servers run with your rights" if level is Level.NONE else f"{level.value}: {_WHAT[level]}"
    return Summary(level, "; ".join([shown, *lacks]), " ".join(dict.fromkeys(fix for fix in fixes if fix)))
