"""What is said between fork and exec."""

from __future__ import annotations

import os

import pytest

from gateway.supervisor.processes.exec_child import STEPS
from gateway.supervisor.processes.exec_status import _STEPS, exec_status


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        (b"", ""),
        (b"exec 2", "No such file or directory"),
        (b"cgroups 13", "it cannot be put into its control group: Permission denied"),
        (b"rlimits 22", "its limits cannot be set: Invalid argument"),
        (b"who knows", ""),
    ],
)
async def test_what_was_told_is_put_into_words(told: bytes, problem: str) -> None:
    status_r, status_w = os.pipe()
    os.write(status_w, told)
    os.close(status_w)
    assert await exec_status(status_r) == problem
    os.close(status_r)


async def test_whoever_says_nothing_in_time_did_not_start() -> None:
    status_r, status_w = os.pipe()
    assert await exec_status(status_r, 0.05) == "it did not start within 0.05 s"
    os.close(status_r)
    os.close(status_w)


def test_every_step_has_its_words() -> None:
    assert set(_STEPS) == {"exec", *STEPS}
