"""Facts in, judgements out."""

from __future__ import annotations

from gateway.facts import Fact, Rewarded
from gateway.learning.recorder import Recorder
from tests.learning.test_implicit import _call


def test_judgements_are_published_and_do_not_come_back() -> None:
    told: list[Fact] = []
    recorder = Recorder(told.append)
    recorder(_call("x", 1.0, bytes_out=3))
    assert [type(fact) for fact in told] == [Rewarded]
    recorder(told[0])
    assert len(told) == 1
