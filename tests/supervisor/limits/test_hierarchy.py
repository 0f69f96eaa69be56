"""Where control groups lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.supervisor.limits.hierarchy import Own, counted, limit_in, own_groups

UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
PARTED = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)


def test_version_2_has_one_tree() -> None:
    found = own_groups("0::/system.slice/mcp-gateway.service\n", UNIFIED)
    assert found == Own(Path("/sys/fs/cgroup/system.slice/mcp-gateway.service"), {})


def test_version_1_has_one_tree_per_controller_beside_that_of_version_2() -> None:
    found = own_groups("9:name=systemd:/x\n4:memory:/a/b\n2:cpu,cpuacct:/c\n8:pids:/\n0::/u\n", PARTED)
    assert found.unified == Path("/sys/fs/cgroup/unified/u")
    assert found.parted == {
        "memory": Path("/sys/fs/cgroup/memory/a/b"),
        "cpu": Path("/sys/fs/cgroup/cpu,cpuacct/c"),
    }


def test_a_container_sees_only_what_lies_below_its_own_root() -> None:
    mount = "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"
    assert own_groups("0::/docker/abc/inner\n", mount).unified == Path("/sys/fs/cgroup/inner")
    assert own_groups("0::/\n", mount).unified == Path("/sys/fs/cgroup")


def test_a_machine_without_any_has_none() -> None:
    assert own_groups("", "") == Own(None, {})
    assert own_groups("0::/x\n", "this is no mount\n") == Own(None, {})


@pytest.mark.parametrize(
    ("text", "limit"), [("67108864\n", 67108864), ("max\n", None), ("9223372036854771712\n", None), ("", None)]
)
def test_no_limit_is_spelled_in_two_ways(text: str, limit: int | None) -> None:
    assert limit_in(text) == limit


def test_counts_are_read_by_name() -> None:
    text = "low 0\noom_kill 3\nbroken\noom_group_kill 1\n"
    assert (counted(text, "oom_kill"), counted(text, "max")) == (3, 0)
