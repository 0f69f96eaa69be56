"""Twenty minutes of random faults; a minute and a half of them in the ordinary suite."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.soak.judge import violations
from tests.soak.run import soak

pytestmark = pytest.mark.process


@pytest.mark.timeout(300)
def test_a_short_soak_ends_well(tmp_path: Path) -> None:
    assert violations(soak(tmp_path, seed=4, duration_s=75.0, quiet_s=30.0)) == []


@pytest.mark.long
@pytest.mark.timeout(1700)
def test_twenty_minutes_of_random_faults_end_well(tmp_path: Path) -> None:
    assert violations(soak(tmp_path, seed=secrets.randbelow(2**31), duration_s=1200.0)) == []
