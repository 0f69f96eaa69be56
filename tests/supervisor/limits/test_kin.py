"""Whose orphan is it?"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import pytest

from gateway.supervisor.limits.kin import Kin, sessions_of
from gateway.supervisor.limits.trees import Name, Parted
from gateway.supervisor.processes.environment import MARKER
from gateway.supervisor.processes.procfs import Seen
from gateway.supervisor.processes.tags import NUMBER, Tags
from tests.supervisor.limits.processes import SLEEP, seen

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc elsewhere"),
]


@contextmanager
def child(*, mark: str = "", tag: int | None = None) -> Iterator[Seen]:
    """A child of ours in a session of its own."""
    started = subprocess.Popen(
        [sys.executable, "-c", SLEEP],
        env={MARKER: mark} if mark else {},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert started.stdout is not None
        started.stdout.readline()
        if tag is not None:
            resource.prlimit(started.pid, NUMBER, (tag, tag))
        yield seen(started.pid)
    finally:
        started.kill()
        started.communicate(timeout=20)


def owner(
    orphan: Seen,
    *roots: tuple[Seen, str],
    others: Collection[Seen] = (),
    sessions: dict[int, Name] | None = None,
    adopts: bool = True,
) -> Name | None:
    everybody = {one.pid: one for one in (orphan, *(one for one, _ in roots), *others)}
    names = {one.pid: server for one, server in roots}
    return Kin(names, [one.pid for one in others], everybody, sessions or {}, adopts=adopts).owner_of(orphan)


def test_the_session_tells_most_and_first() -> None:
    with child() as a, child() as b, child(mark="a") as orphan:
        assert owner(orphan._replace(session=b.pid), (a, "a"), (b, "b")) == b.name
        past = (2**22 + 7, 1)
        assert owner(orphan._replace(session=77), (a, "a"), (b, "b"), sessions={77: past}) == past


def test_our_own_session_tells_nothing() -> None:
    with child() as a, child() as b, child() as orphan:
        ours = os.getsid(0)
        assert owner(orphan._replace(session=ours), (a, "a"), (b, "b"), sessions={ours: a.name}) is None


def test_the_mark_tells_the_youngest_life_of_that_server_that_is_older() -> None:
    with child() as a, child() as again, child(mark="a") as orphan, child() as later:
        assert owner(orphan, (a, "a"), (again, "a"), (later._replace(born=orphan.born + 1), "a")) == again.name
        assert owner(orphan, (a, "b")) is None


def test_the_tag_tells_although_the_environment_is_wiped() -> None:
    tags = Tags()
    one, other = tags.new()["RLIMIT_LOCKS"], tags.new()["RLIMIT_LOCKS"]
    with child(tag=one) as a, child(tag=other) as b, child(tag=other) as orphan:
        assert owner(orphan, (a, "a"), (b, "b")) == b.name
        assert owner(orphan, (a, "a")) is None  # its life is over
        assert owner(orphan, (a, "a"), (b, "b"), adopts=False) is None


def test_without_any_sign_it_is_the_only_one_that_can_have_left_it() -> None:
    with child() as a, child() as b, child() as orphan:
        assert owner(orphan, (a, "a")) == a.name
        assert owner(orphan, (a, "a"), (b, "b")) is None
        assert owner(orphan, (a, "a"), others=[b]) is None
        assert owner(orphan, (a, "a"), (b._replace(born=orphan.born + 1), "b")) == a.name


def test_a_session_stays_known_while_somebody_is_in_it() -> None:
    life, past = (10, 5), (20, 5)
    root = Seen(10, 1, False, 5, 0, 1, 0, 10, 10)
    family = [root, root._replace(pid=11, session=11)]
    left = root._replace(pid=21, session=21)
    parted = Parted(trees={life: family}, left=[left], owners={left.name: past})
    assert sessions_of(parted, {}) == {10: life, 11: life, 21: past}
    assert sessions_of(Parted(), {10: life}) == {}
