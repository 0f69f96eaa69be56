"""The filter that takes the network away."""

from __future__ import annotations

import os
import sys

import pytest

from gateway.supervisor.processes import seccomp
from tests.supervisor.processes.test_exec_child import run

LINUX_ONLY = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
SOCKETS = """
import errno, socket
for name, kind in (("AF_UNIX", 1), ("AF_INET", 1), ("AF_INET", 2), ("AF_INET6", 1), ("AF_INET6", 2), ("AF_NETLINK", 3),
                   ("AF_PACKET", 3), ("AF_VSOCK", 1)):
    try:
        socket.socket(getattr(socket, name), kind).close()
    except OSError as exc:
        print(name, errno.errorcode[exc.errno])
    else:
        print(name, "opened")
socket.socketpair()
print("paired")
try:
    socket.socketpair(type=socket.SOCK_DGRAM)
except OSError as exc:
    print("datagrams", errno.errorcode[exc.errno])
"""


def decide(
    machine: str, *, number: int, architecture: int, family: int = 0, kind: int = 1, allowed: tuple[int, ...] = ()
) -> int:
    """Run the filter as the kernel would: what it returns for a system call."""
    data = {
        seccomp.NUMBER: number,
        seccomp.ARCHITECTURE: architecture,
        seccomp.FIRST_LOW: family,
        seccomp.SECOND_LOW: kind,
    }
    lines, at, held = seccomp.program(machine, allowed), 0, 0
    while True:
        word, when_true, when_false, operand = lines[at]
        at += 1
        if word == seccomp.LOAD:
            held = data[operand]
        elif word == seccomp.AND:
            held &= operand
        elif word == seccomp.RETURN:
            return operand
        else:
            holds = held == operand if word == seccomp.EQUAL else held >= operand
            at += when_true if holds else when_false


@pytest.mark.parametrize("machine", sorted(seccomp.MACHINES))
@pytest.mark.parametrize("allowed", [(), (seccomp.AF_UNIX,), seccomp.OF_A_NETWORK_OF_ITS_OWN])
def test_of_all_sockets_only_those_of_the_families_that_stay_may_be_opened(
    machine: str, allowed: tuple[int, ...]
) -> None:
    architecture, number, _ = seccomp.MACHINES[machine]
    answers = {
        f: decide(machine, number=number, architecture=architecture, family=f, allowed=allowed) for f in range(50)
    }
    assert {f for f, answer in answers.items() if answer == seccomp.ALLOW} == set(allowed)
    assert {a for f, a in answers.items() if f not in allowed} == {seccomp.ERRNO | seccomp.EAFNOSUPPORT}


@pytest.mark.parametrize("machine", sorted(seccomp.MACHINES))
def test_pairs_stay_unless_they_could_be_joined_to_somebody_else_later(machine: str) -> None:
    architecture, _, number = seccomp.MACHINES[machine]

    def pair(family: int, kind: int, *allowed: int) -> bool:
        found = decide(
            machine, number=number, architecture=architecture, family=family, kind=kind, allowed=tuple(allowed)
        )
        return found == seccomp.ALLOW

    close_on_exec, nonblocking, tipc = 0o2000000, 0o4000, 30
    assert pair(seccomp.AF_UNIX, 1 | close_on_exec | nonblocking)
    assert pair(seccomp.AF_UNIX, 5)
    assert not pair(seccomp.AF_UNIX, seccomp.SOCK_DGRAM | close_on_exec)
    assert not pair(tipc, 1)
    assert pair(seccomp.AF_UNIX, seccomp.SOCK_DGRAM, seccomp.AF_UNIX)


@pytest.mark.parametrize("machine", sorted(seccomp.MACHINES))
def test_every_other_call_is_let_through_but_the_one_that_goes_around(machine: str) -> None:
    architecture, socket, pair = seccomp.MACHINES[machine]
    refused = {n for n in range(600) if decide(machine, number=n, architecture=architecture) != seccomp.ALLOW}
    assert refused == {socket, pair, seccomp.IO_URING_SETUP}


@pytest.mark.parametrize("machine", sorted(seccomp.MACHINES))
def test_programs_of_other_architectures_are_killed_and_x32_is_unknown(machine: str) -> None:
    architecture, socket, _ = seccomp.MACHINES[machine]
    i386 = 0x40000003
    assert decide(machine, number=socket, architecture=i386, family=seccomp.AF_UNIX) == seccomp.KILL
    x32 = decide(machine, number=seccomp.X32 | socket, architecture=architecture, family=2)
    assert x32 == seccomp.ERRNO | seccomp.ENOSYS


def test_an_unknown_machine_has_no_filter() -> None:
    assert (seccomp.is_known("x86_64"), seccomp.is_known("vax")) == (True, False)
    with pytest.raises(OSError, match="vax"):
        seccomp.program("vax")


@LINUX_ONLY
@pytest.mark.process
def test_a_program_under_it_opens_none_and_has_pairs() -> None:
    status, out, told = run(sys.executable, sys.executable, "-c", SOCKETS, orders=["network="])
    families = ["AF_INET", "AF_INET", "AF_INET6", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK"]
    expected = [f"{name} EAFNOSUPPORT" for name in ["AF_UNIX", *families]]
    assert (status, told, out.decode().splitlines()) == (0, b"", [*expected, "paired", "datagrams EAFNOSUPPORT"])


@LINUX_ONLY
@pytest.mark.process
def test_families_that_stay_are_opened() -> None:
    orders = ["network=", *(f"network={family}" for family in seccomp.OF_A_NETWORK_OF_ITS_OWN)]
    status, out, told = run(sys.executable, sys.executable, "-c", SOCKETS, orders=orders)
    refused = [line.split()[0] for line in out.decode().splitlines() if "EAFNOSUPPORT" in line]
    assert (status, told, refused) == (0, b"", ["AF_PACKET", "AF_VSOCK"])


@LINUX_ONLY
@pytest.mark.process
def test_what_it_starts_is_under_it_as_well() -> None:
    code = f"import os; os.execv({sys.executable!r}, [{sys.executable!r}, '-c', {SOCKETS!r}])"
    _, out, _ = run(sys.executable, sys.executable, "-c", code, orders=["network="])
    assert out.decode().splitlines()[1] == "AF_INET EAFNOSUPPORT"


@LINUX_ONLY
@pytest.mark.process
def test_without_the_order_there_is_a_network() -> None:
    _, out, _ = run(sys.executable, sys.executable, "-c", SOCKETS)
    assert "AF_INET opened" in out.decode()
    assert os.uname().machine in seccomp.MACHINES
