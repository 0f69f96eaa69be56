"""Takes the network away: a filter that lets this process, and all that it starts, open no sockets but of few families.

Pairs of local sockets, which are joined to each other and reach nobody, stay.

Loaded by `exec_child.py` in the new process; standard library only. It answers as systemd's RestrictAddressFamilies
does, so that programs believe in a machine without the Internet protocols.
"""

from __future__ import annotations

import os

if __package__:
    from gateway.supervisor.processes import libc
else:
    import libc  # type: ignore[import-not-found,no-redef]  # the new process runs scripts, not our package

PR_SET_SECCOMP, MODE_FILTER = 22, 2
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
OF_A_NETWORK_OF_ITS_OWN = (AF_UNIX, AF_INET, AF_INET6, AF_NETLINK)
"""The families that a network namespace parts from the machine's."""

SOCK_TYPE_MASK, SOCK_DGRAM = 0xF, 2
EAFNOSUPPORT, ENOSYS = 97, 38
IO_URING_SETUP = 425
X32 = 0x40000000
"""Set in the numbers of system calls that a program of the x32 kind makes, which the kernel counts as x86_64's."""

MACHINES = {"x86_64": (0xC000003E, 41, 53), "aarch64": (0xC00000B7, 198, 199)}
"""The kernel's name of an architecture, and its numbers of `socket` and `socketpair`. None knows `socketcall`."""

LOAD, EQUAL, AT_LEAST, AND, RETURN = 0x20, 0x15, 0x35, 0x54, 0x06  # words of BPF
NUMBER, ARCHITECTURE, FIRST_LOW, SECOND_LOW = 0, 4, 16, 24  # both machines put the low half of a number first
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def is_known(machine: str) -> bool:
    """Whether there is a filter for this kind of machine (`uname -m`)."""
    return machine in MACHINES


Line = tuple[int, int, int, int]


def program(machine: str, families: tuple[int, ...] = ()) -> list[Line]:
    """Return the filter: (word, lines to skip when true, when false, operand) each; `families` may be opened.

    Raises: OSError for a machine that is not known.
    """
    if machine not in MACHINES:
        raise OSError(ENOSYS, f"no filter is known for {machine}")
    architecture, socket, socketpair = MACHINES[machine]
    opened, paired = _opened(families), _paired(families)
    return [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),  # a program of another architecture has other numbers, which nobody looked at
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        (RETURN, 0, 0, ERRNO | ENOSYS),
        (EQUAL, 0, 1, IO_URING_SETUP),
        (RETURN, 0, 0, ERRNO | ENOSYS),  # through it sockets could be opened without a call of `socket`
        (EQUAL, 0, len(opened), socket),
        *opened,
        (EQUAL, 0, len(paired), socketpair),
        *paired,
        (RETURN, 0, 0, ALLOW),
    ]


def _opened(families: tuple[int, ...]) -> list[Line]:
    allowed = [line for family in families for line in ((EQUAL, 0, 1, family), (RETURN, 0, 0, ALLOW))]
    # The kernel reads no more of the family than this half.
    return [(LOAD, 0, 0, FIRST_LOW), *allowed, (RETURN, 0, 0, ERRNO | EAFNOSUPPORT)]


def _paired(families: tuple[int, ...]) -> list[Line]:
    """Pairs are local; one of datagrams could be joined to somebody else later, so it goes with the local sockets."""
    if AF_UNIX in families:
        return [(RETURN, 0, 0, ALLOW)]
    return [
        (LOAD, 0, 0, FIRST_LOW),
        (EQUAL, 1, 0, AF_UNIX),
        (RETURN, 0, 0, ERRNO | EAFNOSUPPORT),
        (LOAD, 0, 0, SECOND_LOW),
        (AND, 0, 0, SOCK_TYPE_MASK),
        (EQUAL, 0, 1, SOCK_DGRAM),
        (RETURN, 0, 0, ERRNO | EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
    ]


def carry_out(values: list[str]) -> None:
    """Take the network away from this process for good; `values` are families that stay.

    Raises: OSError, ValueError.
    """
    from array import array  # noqa: PLC0415 - a few lines of C, but not built into every interpreter

    lines = program(os.uname().machine, tuple(int(value) for value in values if value))
    code = array("B", b"".join(_line(*line) for line in lines))
    address, _ = code.buffer_info()
    pointer_bytes = 8
    program_of = len(lines).to_bytes(pointer_bytes, "little") + address.to_bytes(pointer_bytes, "little")
    libc.no_new_privileges()
    libc.function("prctl")(PR_SET_SECCOMP, MODE_FILTER, program_of, 0, 0)


def _line(word: int, when_true: int, when_false: int, operand: int) -> bytes:
    return word.to_bytes(2, "little") + bytes((when_true, when_false)) + operand.to_bytes(4, "little")
