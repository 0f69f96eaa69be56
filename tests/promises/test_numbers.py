"""The default numbers of all eighteen promises in one place, as docs/reference/promises.md lists them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.gateway import GatewaySection
from gateway.config.limits import LimitsTable
from gateway.config.server import HealthTable, RestartTable
from gateway.daemon.lag import LAG_LIMIT_S
from gateway.model import CallPolicy, HealthPolicy, ResourceLimits, RestartPolicy
from gateway.protocol.framing import LINE_CAP
from gateway.supervisor.keeper import SWEEP_S
from gateway.supervisor.processes.outbox import WRITE_DEADLINE_S
from gateway.supervisor.processes.ring import RING_BYTES
from gateway.supervisor.restart import BACKOFF_FACTOR, JITTER

ROOT = Path(__file__).parents[2]
RESTART, HEALTH, LIMITS, CALL = RestartPolicy(), HealthPolicy(), ResourceLimits(), CallPolicy()

NUMBERS = {
    "P2 first delay": (RESTART.restart_sec, 0.5),
    "P2 factor": (BACKOFF_FACTOR, 2.0),
    "P2 longest delay": (RESTART.restart_max_delay_sec, 60.0),
    "P2 jitter": (JITTER, 0.25),
    "P3 burst": (RESTART.start_limit_burst, 5),
    "P3 window": (RESTART.start_limit_interval_sec, 300.0),
    "P3 retry": (RESTART.retry_failed_sec, 600.0),
    "P4 reset": (RESTART.reset_after_sec, 600.0),
    "P5 interval": (HEALTH.interval_sec, 10.0),
    "P5 answer": (HEALTH.timeout_sec, 10.0),
    "P5 failures": (HEALTH.failures, 3),
    "P6 start": (HEALTH.start_timeout_sec, 60.0),
    "P7 line": (LINE_CAP, 16 * 2**20),
    "P7 noise": (HEALTH.noise_limit, 100),
    "P8 ring": (RING_BYTES, 256 * 2**10),
    "P9 write": (WRITE_DEADLINE_S, 10.0),
    "P11 memory": (LIMITS.memory_max_share, 0.5),
    "P11 tasks": (LIMITS.tasks_max, 1024),
    "P11 descriptors": (LIMITS.nofile, 8192),
    "P12 drain": (GatewaySection().drain_s, 30.0),
}


@pytest.mark.parametrize("number", NUMBERS)
def test_each_number_is_the_promised_one(number: str) -> None:
    found, promised = NUMBERS[number]
    assert found == promised


def test_what_a_configuration_file_leaves_out_is_the_same_number() -> None:
    restart, health, limits = RestartTable(), HealthTable(), LimitsTable()
    assert (restart.RestartSec, restart.RestartMaxDelaySec) == (RESTART.restart_sec, RESTART.restart_max_delay_sec)
    assert (restart.StartLimitBurst, restart.StartLimitIntervalSec) == (5, 300)
    assert (restart.ResetAfterSec, restart.RetryFailedSec) == (RESTART.reset_after_sec, RESTART.retry_failed_sec)
    assert (health.IntervalSec, health.TimeoutSec, health.Failures) == (10, 10, 3)
    assert (health.TimeoutStartSec, health.NoiseLimit) == (HEALTH.start_timeout_sec, HEALTH.noise_limit)
    assert (limits.TasksMax, limits.LimitNOFILE, limits.MemoryMax) == ("1024", "8192", "50%")
    assert (limits.max_in_flight, limits.timeout_s) == (CALL.max_in_flight, CALL.timeout_sec)


def test_the_sweep_and_the_watchdog_are_quicker_than_their_promises() -> None:
    assert SWEEP_S < 2
    assert LAG_LIMIT_S < 30


def test_every_promise_has_its_file_its_number_in_every_name_and_its_line_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "promises.md").read_text(encoding="utf-8")
    for number in range(1, 19):
        file = Path(__file__).parent / f"test_p{number:02}.py"
        source = file.read_text(encoding="utf-8")
        assert source.startswith(f'"""P{number}: ')
        tests = [line for line in source.splitlines() if line.startswith(("def test_", "async def test_"))]
        assert tests
        assert [line for line in tests if f"test_p{number}_" not in line] == []
        assert f"| P{number} |" in page
        assert file.name in page
