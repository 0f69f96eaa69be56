"""A verdict and the checks it is made from: what was looked at, how it stands, and what to do about it. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What a check looks at."""

    REGISTRY = "registry"
    RUNTIME = "runtime"
    PLATFORM = "platform"
    TRANSPORT = "transport"
    CONFIGURATION = "configuration"
    TOOLS = "tools"
    PROTOCOL = "protocol"
    SIZE = "size"


class State(StrEnum):
    """How a check stands. Only `failed` stands in the way of an installation."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `fix` says what a person can do about it, and is empty when nothing is wrong."""

    what: Topic
    state: State
    message: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        """The check as JSON values."""
        return {"what": self.what.value, "state": self.state.value, "message": self.message, "fix": self.fix}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something can run here; `compatible` is None while too little is known to say."""

    compatible: bool | None
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that stand in the way."""
        return tuple(check for check in self.checks if check.state is State.FAILED)

    @property
    def reasons(self) -> list[str]:
        """Why it cannot run here, each reason once."""
        return list(dict.fromkeys(check.message for check in self.failed))

    @property
    def fixes(self) -> list[str]:
        """What would have to be done, each thing once."""
        return list(dict.fromkeys(check.fix for check in self.failed if check.fix))


def verdict_of(checks: Iterable[Check]) -> Verdict:
    """Sum up: one failed check is enough against it."""
    known = tuple(checks)
    return Verdict(all(check.state is not State.FAILED for check in known), known)


def ok(what: Topic, message: str) -> Check:
    """Nothing is wrong."""
    return Check(what, State.OK, message)


def warning(what: Topic, message: str, fix: str) -> Check:
    """It will run, but somebody should know this."""
    return Check(what, State.WARNING, message, fix)


def failed(what: Topic, message: str, fix: str) -> Check:
    """It cannot run like this."""
    return Check(what, State.FAILED, message, fix)


def unknown(what: Topic, message: str, fix: str = "") -> Check:
    """Nobody can say yet."""
    return Check(what, State.UNKNOWN, message, fix)
