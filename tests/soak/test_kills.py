"""Kills of the gateway at random moments: three in the ordinary suite, fifty in the long one."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.soak.kills import LONGEST_S, kill_series, moments


def test_the_moments_are_the_seeds() -> None:
    assert moments(3, 50) == moments(3, 50)
    assert {kill.victim for kill in moments(3, 50)} == {"daemon", "keeper"}
    assert all(0 < kill.after_s < LONGEST_S for kill in moments(3, 50))


@pytest.mark.process
@pytest.mark.timeout(180)
def test_three_kills_leave_no_process_and_a_whole_store(tmp_path: Path) -> None:
    assert kill_series(tmp_path, seed=11, count=3) == []


@pytest.mark.long
@pytest.mark.process
@pytest.mark.timeout(1500)
def test_fifty_kills_at_random_moments_leave_no_process_and_a_whole_store(tmp_path: Path) -> None:
    assert kill_series(tmp_path, seed=secrets.randbelow(2**31), count=50) == []
