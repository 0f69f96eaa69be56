"""P18: descriptors, tasks, processes and memory of the gateway stay flat over its servers' restarts.

A hundred restarts here; `make test-long` has a thousand.
"""

from __future__ import annotations

import pytest

from tests.promises.alone import MIB, Plan, run_alone

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

SLACK = 4 * MIB


@pytest.mark.parametrize(("script", "kills"), [("echo.py", 100), ("brood.py", 30)])
def test_p18_a_hundred_restarts_leave_every_count_flat(script: str, kills: int) -> None:
    seen = run_alone(Plan(script, kills=kills, warm_up=20), timeout_s=280)
    assert seen.restarts == kills + 20
    assert seen.after["fds"] == seen.before["fds"]
    assert seen.after["tasks"] <= seen.before["tasks"] + 1
    assert seen.after["rss"] - seen.before["rss"] < SLACK
    assert seen.bystander_pids == 1
