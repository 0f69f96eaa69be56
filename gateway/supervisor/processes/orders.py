"""What a new process does to itself before it becomes the server: limits, control groups, confinement. No I/O."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.supervisor.causes import Cause


class Landlock(msgspec.Struct, frozen=True, omit_defaults=True):
    """What may be reached in the file system: everything beneath these paths, and nothing else."""

    read: tuple[str, ...] = ()  # read and execute
    write: tuple[str, ...] = ()  # also change
    devices: tuple[str, ...] = ()  # read and write, but make or remove nothing
    files: bool = True  # False: only signals and abstract sockets are kept from what is outside
    tcp: bool = True  # False: no TCP, where the kernel can tell


class Orders(msgspec.Struct, frozen=True, omit_defaults=True):
    """Carried out by `exec_child.py`, in this order. What cannot be carried out keeps the program from starting."""

    cgroups: tuple[str, ...] = ()  # `cgroup.procs` files to enter
    oom_score: int | None = None  # 0 to 1000: how much rather than others the kernel kills it when memory is short
    rlimits: dict[str, int] = {}  # RLIMIT_… names to values; more than the hard limit means: the hard limit
    landlock: Landlock | None = None
    no_network: bool = False  # refuse sockets of all families but these:
    families: tuple[int, ...] = ()  # numbers as AF_UNIX


NO_ORDERS = Orders()


def words(orders: Orders) -> list[str]:
    """Spell orders as `exec_child.py` reads them: STEP=VALUE each. Arguments may hold anything but NUL: no escapes."""
    told = [f"cgroups={procs}" for procs in orders.cgroups]
    if orders.oom_score is not None:
        told.append(f"oom_score={orders.oom_score}")
    told += [f"rlimits={name}={value}" for name, value in orders.rlimits.items()]
    if (may := orders.landlock) is not None:
        told.append("landlock=")  # also when nothing at all may be reached
        told += ["landlock=only=scopes"] * (not may.files) + ["landlock=tcp=none"] * (not may.tcp)
        for kind, paths in (("read", may.read), ("write", may.write), ("devices", may.devices)):
            told += [f"landlock={kind}={path}" for path in paths]
    return [*told, "network=", *(f"network={family}" for family in orders.families)] if orders.no_network else told


Fate = tuple[Cause, str]
"""Why a process ended: for programs, and for people."""

WhyEnded = Callable[[int], Fate | None]
"""What `Popen.wait` returned to the reason, where there is a better one than that number."""


def nobody_knows(_returncode: int) -> Fate | None:
    """Say nothing about why a process ended."""
    return None


class Prepared(msgspec.Struct, frozen=True):
    """How a server's program is really started: perhaps by another one that confines it."""

    argv: tuple[str, ...]
    orders: Orders = NO_ORDERS
    why_ended: WhyEnded = nobody_knows  # asked when it ended badly, and not by us
    env: dict[str, str] = {}  # variables that it gets as well, or instead
    cwd: str | None = None  # instead of its own working directory, where it could not reach that
    is_wrapped: bool = False  # what is started is another program, which starts it and tells its exit as a shell does
