"""Whether one child may be put to rest, and when: from its policy and its use. No I/O; `now` is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.model import ServerSpec, SessionScope

AT_REST: Final = "at rest: starts with the next call"


@dataclass(slots=True)
class Nap:
    """One child's use."""

    last: float  # when somebody used it last, or it came into being
    users: int = 0  # callers that wait until it is ready, and calls without an answer so far
    is_resting: bool = False  # it was put to rest, and nobody has woken it since
    is_glanced_at: bool = False  # it was started only so that its tools are known
    woken: int = 0  # starts after a rest: no restarts

    def wake(self, *, has_run: bool) -> None:
        """It is about to be started because somebody wants to use it."""
        self.woken += self.is_resting and has_run
        self.is_resting = self.is_glanced_at = False


def idle_limit_s(spec: ServerSpec, instance: str) -> float | None:
    """After how long without use a child is put to rest; None: never.

    A shared server is its own spare: kept warm, it never rests. Those of single callers have others for that.
    """
    if spec.start.keep_warm and spec.session is SessionScope.SHARED and not instance:
        return None
    return spec.start.idle_stop_sec


def stays_resting(spec: ServerSpec, instance: str) -> bool:
    """Whether a child that rests may go on resting under a changed spec."""
    return spec.start.lazy or idle_limit_s(spec, instance) is not None


def rest_due(nap: Nap, spec: ServerSpec, instance: str, *, ready_since: float, in_flight: int) -> float | None:
    """When a ready child is to be put to rest; None: not as things are."""
    if nap.users or in_flight:
        return None
    if nap.is_glanced_at:
        return ready_since
    limit_s = idle_limit_s(spec, instance)
    return None if limit_s is None else max(nap.last, ready_since) + limit_s
