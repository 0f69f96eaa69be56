"""Orders as words."""

from __future__ import annotations

from gateway.supervisor.processes.orders import NO_ORDERS, Landlock, Orders, nobody_knows, words


def test_no_orders_are_no_words() -> None:
    assert words(NO_ORDERS) == []
    assert nobody_knows(-9) is None


def test_each_order_is_a_word_of_its_own_with_its_value_as_it_is() -> None:
    told = words(
        Orders(
            cgroups=("/a/cgroup.procs", "/b c/cgroup.procs"),
            oom_score=300,
            rlimits={"RLIMIT_NOFILE": 64, "RLIMIT_CORE": 0},
            landlock=Landlock(read=("/usr", "/a=b\nc"), write=("/data",), devices=("/dev",)),
            no_network=True,
            families=(1, 16),
        )
    )
    assert told == [
        "cgroups=/a/cgroup.procs",
        "cgroups=/b c/cgroup.procs",
        "oom_score=300",
        "rlimits=RLIMIT_NOFILE=64",
        "rlimits=RLIMIT_CORE=0",
        "landlock=",
        "landlock=read=/usr",
        "landlock=read=/a=b\nc",
        "landlock=write=/data",
        "landlock=devices=/dev",
        "network=",
        "network=1",
        "network=16",
    ]


def test_one_that_may_reach_nothing_is_still_confined() -> None:
    assert words(Orders(landlock=Landlock())) == ["landlock="]
