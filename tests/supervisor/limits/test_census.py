"""Counting everybody in one pass."""

from __future__ import annotations

import os
import sys

import pytest

from gateway.supervisor.limits import census
from gateway.supervisor.limits.census import ANEW_ROUNDS, Census, added_up, fair_share_bytes
from tests.supervisor.limits.processes import SLEEP, family, running, seen

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc elsewhere"),
]
MIB = 2**20


def test_a_server_is_its_first_process_and_all_below_it() -> None:
    with running(family(3)) as parent, running(SLEEP, "other") as other:
        look = Census().take({parent.pid: "s", other.pid: "other"})
        assert (look.usage[parent.pid].processes, look.usage[parent.pid].tasks) == (4, 4)
        assert look.usage[other.pid].processes == 1
        assert look.usage[parent.pid].rss_bytes > look.usage[other.pid].rss_bytes > MIB
        assert look.open_fds[parent.pid] >= 4 * 3
        assert look.left == []


def test_shared_pages_count_once_where_that_matters() -> None:
    with running(family(3)) as parent:
        tree = Census().take({parent.pid: "s"}).trees[parent.pid]
        assert added_up(tree).rss_bytes > 4 * 32 * MIB
        assert fair_share_bytes(tree) < 2 * 32 * MIB + 32 * MIB


def test_what_outlives_its_server_is_known_although_nobody_is_above_it() -> None:
    taker = Census()
    with running(family(2, child="os.setsid()")) as parent:
        tree = taker.take({parent.pid: "s"}).trees[parent.pid]
        parent.kill()
        parent.wait()
        left = taker.take({}).left
        assert {one.name for one in left} == {one.name for one in tree} - {tree[0].name}
        for one in left:
            os.kill(one.pid, 9)


def test_one_that_escaped_unseen_is_found_by_its_mark_unless_it_is_spared() -> None:
    with running(SLEEP) as first, running(SLEEP) as adopted:  # a child of ours with the server's mark
        look = Census().take({first.pid: "s"})
        assert {one.pid for one in look.trees[first.pid]} == {first.pid, adopted.pid}
        assert Census().take({first.pid: "s"}, spare={adopted.pid}).usage[first.pid].processes == 1
        assert Census().take({first.pid: "another"}).usage[first.pid].processes == 1


def test_strangers_are_looked_at_only_now_and_then() -> None:
    taker = Census()
    taker.take({})
    assert os.getppid() in taker._strangers
    assert os.getpid() not in taker._strangers
    for _ in range(ANEW_ROUNDS - 2):
        taker.take({})
    taker._strangers = {os.getppid(), 2**22 + 1}
    taker.take({})
    assert 2**22 + 1 not in taker._strangers


def test_where_there_is_no_proc_psutil_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(census, "HAS_PROC", False)
    with running(family(2)) as parent:
        look = Census().take({parent.pid: "s", 2**22 + 1: "gone"})
        assert list(look.usage) == [parent.pid]
        assert look.usage[parent.pid].processes == 3
        assert look.usage[parent.pid].rss_bytes > MIB
        assert seen(parent.pid).pid == parent.pid


def test_a_file_in_memory_counts_although_it_is_not_mapped() -> None:
    code = (
        "import os, time\nfd = os.memfd_create('x')\nfor _ in range(64): os.write(fd, b'x' * (1 << 20))\n"
        "print('up', flush=True); time.sleep(600)"
    )
    with running(code) as holder, running(SLEEP, "other") as other:
        look = Census().take({holder.pid: "s", other.pid: "other"})
        assert look.usage[holder.pid].held_bytes == 64 * MIB
        assert look.usage[holder.pid].rss_bytes > 64 * MIB
        assert look.usage[other.pid].held_bytes == 0


def test_where_orphans_are_adopted_one_with_no_mark_belongs_to_the_only_server_that_can_have_left_it() -> None:
    with running(SLEEP) as older, running(SLEEP, "") as orphan, running(SLEEP, "younger") as younger:
        roots = {older.pid: "s", younger.pid: "younger"}
        taker = Census(adopts=True)
        assert {one.pid for one in taker.take(roots).trees[older.pid]} == {older.pid}  # it has a mark, of nobody
        assert [one.pid for one in taker.take(roots).left] == [orphan.pid]
        assert Census().take(roots).left == []


def test_what_is_no_servers_is_spared_by_a_census_that_adopts() -> None:
    with running(SLEEP) as server, running(SLEEP, "") as step:
        taker = Census(adopts=True)
        looks = [taker.take({server.pid: "s"}, {step.pid: "npm"}) for _ in range(3)]
        assert [(look.left, look.has_strange) for look in looks] == [([], False)] * 3
        assert list(looks[-1].usage) == [server.pid]
