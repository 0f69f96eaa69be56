"""What to do so that the running set becomes the wanted set. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from gateway.model import ServerName, ServerSpec


@dataclass(frozen=True, slots=True)
class Start:
    """A server is new."""

    spec: ServerSpec


@dataclass(frozen=True, slots=True)
class Stop:
    """A server is no longer wanted."""

    name: ServerName


@dataclass(frozen=True, slots=True)
class Replace:
    """A server is launched differently now: its process cannot stay."""

    spec: ServerSpec


@dataclass(frozen=True, slots=True)
class Adopt:
    """Only words or policies changed: the process stays and is treated by the new spec."""

    spec: ServerSpec


Step = Start | Stop | Replace | Adopt


def _how(spec: ServerSpec) -> tuple[object, ...]:
    """What holds from the start of a process to its end."""
    limits = msgspec.structs.replace(spec.limits, runtime_max_sec=None)
    return spec.launch, spec.session, spec.sandbox, limits


def plan(wanted: Mapping[ServerName, ServerSpec], running: Mapping[ServerName, ServerSpec]) -> list[Step]:
    """Return the steps, removals first (a renamed server may need its predecessor's port or lock).

    Then come the required servers, which the gateway is not ready without, then the others, each in the given order.
    """
    steps: list[Step] = [Stop(name) for name in running if name not in wanted]
    for name, spec in sorted(wanted.items(), key=lambda item: not item[1].required):
        old = running.get(name)
        if old is None:
            steps.append(Start(spec))
        elif _how(old) != _how(spec):
            steps.append(Replace(spec))
        elif old != spec:
            steps.append(Adopt(spec))
    return steps
