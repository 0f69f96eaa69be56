"""What a new process does to itself before it becomes the server: limits, control groups, confinement. No I/O."""

from __future__ import annotations

import msgspec


class Landlock(msgspec.Struct, frozen=True, omit_defaults=True):
    """What may be reached in the file system: everything beneath these paths, and nothing else."""

    read: tuple[str, ...] = ()  # read and execute
    write: tuple[str, ...] = ()  # also change
    devices: tuple[str, ...] = ()  # read and write, but make or remove nothing


class Orders(msgspec.Struct, frozen=True, omit_defaults=True):
    """Carried out by `exec_child.py`, in this order. What cannot be carried out keeps the program from starting."""

    cgroups: tuple[str, ...] = ()  # `cgroup.procs` files to enter
    rlimits: dict[str, int] = {}  # RLIMIT_… names to values; more than the hard limit means: the hard limit
    landlock: Landlock | None = None
    no_network: bool = False  # refuse sockets of the Internet families


NO_ORDERS = Orders()


class Prepared(msgspec.Struct, frozen=True):
    """How a server's program is really started: perhaps by another one that confines it."""

    argv: tuple[str, ...]
    orders: Orders = NO_ORDERS
