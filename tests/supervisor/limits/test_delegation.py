"""Whether control groups were given to us: on this machine, and in a tree that lies in a temporary folder."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from gateway.clock import SystemClock
from gateway.errors import GatewayError
from gateway.supervisor.limits.ceilings import Ceilings
from gateway.supervisor.limits.delegation import Machine, groups_for
from gateway.supervisor.limits.groups import Groups
from tests.supervisor.limits.kernel import FakeMachine

UNDER_SYSTEMD = {"INVOCATION_ID": "0123456789abcdef"}
CLOCK = SystemClock()


def groups(mode: str, env: dict[str, str], fake: FakeMachine) -> Groups | None:
    return groups_for(mode, env, tag="t", clock=CLOCK, machine=fake.machine)


def test_under_systemd_what_is_delegated_is_used_and_we_move_into_a_leaf(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    found = groups("auto", UNDER_SYSTEMD, fake)
    assert found is not None
    assert found.kinds == {"memory", "pids", "cpu"}
    assert fake.text("daemon", "cgroup.procs") == str(os.getpid())
    assert fake.text("cgroup.subtree_control") == "+memory +pids +cpu"
    assert fake.text("servers", "cgroup.subtree_control") == "+memory +pids +cpu"
    group = found.limit("a", Ceilings(memory_bytes=64))
    assert group is not None
    assert fake.text("servers", "a", "memory.max") == "64"


def test_elsewhere_servers_are_watched_unless_groups_are_asked_for(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    assert groups("auto", {}, fake) is None
    assert groups("watch", UNDER_SYSTEMD, fake) is None
    assert not (fake.own / "daemon").exists()
    assert groups("cgroup", {}, fake) is not None


def test_without_the_processor_controller_memory_and_tasks_are_limited(tmp_path: Path) -> None:
    found = groups("auto", UNDER_SYSTEMD, FakeMachine(tmp_path, controllers="memory pids"))
    assert found is not None
    assert found.kinds == {"memory", "pids"}


def test_a_group_without_the_needed_controllers_is_not_used(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path, controllers="cpu pids")
    assert groups("auto", UNDER_SYSTEMD, fake) is None
    with pytest.raises(GatewayError, match="has no memory controller") as caught:
        groups("cgroup", {}, fake)
    assert "watch" in caught.value.fix


def test_a_group_that_others_live_in_too_is_left_alone(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path, others=(1,))
    assert groups("auto", UNDER_SYSTEMD, fake) is None
    assert not (fake.own / "daemon").exists()
    with pytest.raises(GatewayError, match="holds other processes too, 1 for one"):
        groups("cgroup", {}, fake)


def test_a_daemon_that_an_earlier_life_moved_finds_its_way(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    groups("auto", UNDER_SYSTEMD, fake)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/unit.service/daemon\n")
    fake.folders.make(fake.own / "servers" / "left")
    assert groups("auto", UNDER_SYSTEMD, fake) is not None
    assert not (fake.own / "servers" / "left").exists()
    assert not (fake.own / "daemon" / "daemon").exists()


def test_a_machine_without_control_groups_says_so(tmp_path: Path) -> None:
    machine = Machine(proc=tmp_path)
    assert groups_for("auto", UNDER_SYSTEMD, tag="t", clock=CLOCK, machine=machine) is None
    with pytest.raises(GatewayError, match="control groups cannot be used here: there are none"):
        groups_for("cgroup", {}, tag="t", clock=CLOCK, machine=machine)


def test_the_machines_memory_is_what_psutil_says_unless_our_group_may_have_less(tmp_path: Path) -> None:
    total = psutil.virtual_memory().total
    assert Machine(proc=tmp_path / "none").memory_bytes() == total
    fake = FakeMachine(tmp_path)
    assert fake.machine.memory_bytes() == total
    (fake.own / "memory.max").write_text("1048576\n")
    assert fake.machine.memory_bytes() == 1048576
    assert 0 < Machine().memory_bytes() <= total
