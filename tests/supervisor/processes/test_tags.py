"""What names a life although its environment is wiped."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from gateway.supervisor.processes.tags import NAME, NUMBER, Tags, own, tag_of

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there are no tags elsewhere"),
]


def test_each_tag_is_given_once_and_is_below_our_own() -> None:
    tags = Tags()
    given = [tags.new()[NAME] for _ in range(3)]
    assert given == [own() - 1, own() - 2, own() - 3]


def test_we_have_none_ourselves_nor_has_who_is_gone() -> None:
    assert tag_of(os.getpid()) is None
    assert tag_of(2**22 + 1) is None


def test_it_is_passed_on_through_a_wiped_environment() -> None:
    tag = Tags().new()[NAME]
    with subprocess.Popen(
        ["/bin/sh", "-c", "read x; exec env -i /bin/sh -c 'read y'"], stdin=subprocess.PIPE, env={}
    ) as child:
        resource.prlimit(child.pid, NUMBER, (tag, tag))
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
        assert tag_of(child.pid) == tag
        child.stdin.write(b"\n")


def test_elsewhere_nothing_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert Tags().new() == {}
