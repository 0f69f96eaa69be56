"""Whose process is it?"""

from __future__ import annotations

from gateway.supervisor.limits.trees import Name, Parted, part
from gateway.supervisor.processes.procfs import Seen

US = 1
WE = Seen(US, 0, False, 1, 0, 1, 0, 7, 7)


def process(pid: int, parent: int, born: int = 5) -> Seen:
    return Seen(pid, parent, False, born, 0, 1, 0)


def world(*processes: Seen) -> dict[int, Seen]:
    return {one.pid: one for one in processes}


def nobody(_seen: Seen) -> Name | None:
    return None


def pids(parted: Parted) -> dict[int, list[int]]:
    return {life[0]: sorted(seen.pid for seen in tree) for life, tree in parted.trees.items()}


def test_each_life_has_its_root_and_all_that_descends_from_it() -> None:
    seen = world(process(10, US), process(11, 10), process(12, 11), process(20, US), process(30, US))
    parted = part(seen, [10, 20], {}, nobody)
    assert pids(parted) == {10: [10, 11, 12], 20: [20]}
    assert parted.left == []
    assert (30, 5) not in parted.owners


def test_a_root_that_is_gone_has_no_tree() -> None:
    assert pids(part(world(process(10, US)), [10, 11], {}, nobody)) == {10: [10]}


def test_a_process_that_its_parent_left_behind_still_belongs_to_its_life() -> None:
    first = part(world(process(10, US), process(11, 10), process(12, 11)), [10], {}, nobody)
    seen = world(process(10, US), process(12, US), process(13, 12))
    assert pids(part(seen, [10], first.owners, nobody)) == {10: [10, 12, 13]}


def test_what_outlives_its_life_is_left_over_even_when_the_number_is_used_again() -> None:
    first = part(world(process(10, US), process(11, 10)), [10], {}, nobody)
    again = part(world(process(10, US, born=9), process(11, US), process(12, 11)), [10], first.owners, nobody)
    assert pids(again) == {10: [10]}
    assert sorted(seen.pid for seen in again.left) == [11, 12]
    once_more = part(world(process(10, US, born=9), process(12, US)), [10], again.owners, nobody)
    assert [seen.pid for seen in once_more.left] == [12]


def test_one_that_was_never_seen_before_belongs_to_whom_its_mark_says() -> None:
    seen = world(process(10, US), process(15, US), process(16, 15), process(17, US))
    marked = part(seen, [10], {}, lambda one: {15: (10, 5), 17: (99, 4)}.get(one.pid))
    assert pids(marked) == {10: [10, 15, 16]}
    assert [one.pid for one in marked.left] == [17]  # its life is over


def test_one_that_nobody_knows_is_strange_and_left_over_at_the_next_round_unless_somebody_says_it_is_his() -> None:
    seen = world(process(10, US), process(15, US), process(16, 15), process(17, 4))
    first = part(seen, [10], {}, nobody, WE)
    assert [one.pid for one in first.strange] == [15, 16]
    assert (first.left, (17, 5) in first.owners) == ([], False)
    again = part(seen, [10], first.owners, nobody, WE)
    assert ([one.pid for one in again.left], again.strange) == ([15, 16], [])
    claimed = part(seen, [10, 15], first.owners, nobody, WE)
    assert (claimed.left, pids(claimed)) == ([], {10: [10], 15: [15, 16]})


def test_what_is_in_our_own_session_no_server_left_behind() -> None:
    helper = process(15, US)._replace(session=WE.session)
    assert part(world(helper), [10], {}, nobody, WE).strange == []


def test_where_nobody_adopts_orphans_nobody_is_strange() -> None:
    assert part(world(process(15, US)), [10], {}, nobody).strange == []


def test_a_child_of_ours_below_another_one_is_a_life_of_its_own() -> None:
    assert pids(part(world(process(10, US), process(20, 10)), [10, 20], {}, nobody)) == {10: [10], 20: [20]}
