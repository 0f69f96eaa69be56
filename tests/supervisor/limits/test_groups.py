"""The control groups of all servers, in a tree of version 2 that lies in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.supervisor.limits.ceilings import Ceilings
from gateway.supervisor.limits.groups import UNUSED_S, Groups, News
from tests.fakes import FakeClock
from tests.supervisor.limits.kernel import FakeFolders

KINDS = ("memory", "pids", "cpu")


class World:
    """Groups below `servers`."""

    def __init__(self, folder: Path) -> None:
        self.base = folder / "servers"
        self.clock, self.folders = FakeClock(), FakeFolders()
        self.folders.make(self.base)
        self.groups = Groups(dict.fromkeys(KINDS, self.base), version=2, clock=self.clock, folders=self.folders)

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self.base.iterdir() if entry.is_dir())

    def enter(self, name: str, pid: int) -> None:
        (self.base / name / "cgroup.procs").write_text(f"{pid}\n")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_each_start_has_a_group_of_its_own(world: World) -> None:
    procs = [group.procs for group in (world.groups.limit(name, Ceilings()) for name in ("a", "a", "b.c/d")) if group]
    assert world.names() == ["a", "a-2", "b_c_d"]
    assert procs[1] == (str(world.base / "a-2" / "cgroup.procs"),)


def test_a_group_ends_with_the_process_it_was_made_for(world: World) -> None:
    world.groups.limit("a", Ceilings())
    world.enter("a", 42)
    assert world.groups.look({42: "a"}) == []
    used = world.groups.of(42)
    assert used is not None
    assert world.groups.of(43) is None
    world.groups.look({43: "a"})
    assert (world.names(), world.groups.of(42)) == ([], None)


def test_a_process_is_found_in_its_group_before_the_first_look(world: World) -> None:
    world.groups.limit("a", Ceilings())
    world.enter("a", 42)
    assert world.groups.of(42) is not None


def test_one_that_nobody_enters_is_removed_in_the_end(world: World) -> None:
    world.groups.limit("a", Ceilings())
    world.groups.look({})
    assert world.names() == ["a"]
    world.clock.advance(UNUSED_S + 1)
    world.groups.look({})
    assert world.names() == []


def test_what_the_kernel_did_is_news_once(world: World) -> None:
    world.groups.limit("a", Ceilings())
    world.enter("a", 42)
    world.groups.look({42: "a"})
    (world.base / "a" / "memory.events").write_text("oom_kill 2\n")
    (world.base / "a" / "pids.events").write_text("max 5\n")
    assert world.groups.look({42: "a"}) == [News(42, killed=2, forks_refused=5)]
    assert world.groups.look({42: "a"}) == []


def test_where_no_group_can_be_made_the_start_goes_on_without(world: World, tmp_path: Path) -> None:
    elsewhere = Groups({"memory": tmp_path / "none"}, version=2, clock=world.clock, folders=world.folders)
    assert elsewhere.limit("a", Ceilings()) is None


def test_what_an_earlier_life_left_is_swept(world: World) -> None:
    world.folders.make(world.base / "old")
    world.folders.make(world.base / "older-2")
    assert world.groups.sweep()
    assert world.names() == []


def test_at_the_end_nothing_is_left_and_busy_groups_are_tried_again(world: World) -> None:
    world.groups.limit("a", Ceilings())
    world.folders.is_busy = True
    assert not world.groups.close()
    world.folders.is_busy = False
    assert world.groups.close()
    assert not world.base.exists()
