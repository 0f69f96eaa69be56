"""The judge of a soak must be able to say no."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.soak.judge import MORE_FDS, Asked, Evidence, Sample, summary, violations

ROW = {"name": "a", "state": "ready", "reason": "", "restarts": 2}
STEADY = [Sample(float(at), 20, 30, 100_000_000) for at in range(90, 100)]
GOOD = Evidence(
    calls=[Asked("1", "a", "ok", "1"), Asked("2", "a", "child_gone", "it ended")],
    executed=["1", "2"],
    servers=[ROW, {**ROW, "name": "b", "state": "stopped", "resting": True}],
    samples=STEADY,
    ledger_rows=2,
)


def test_a_good_soak_has_no_violations() -> None:
    assert violations(GOOD) == []
    assert summary(GOOD)["outcomes"] == {"ok": 1, "child_gone": 1}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"calls": [Asked("1", "a", "lost: ReadError", "")]}, "lost"),
        ({"calls": [Asked("1", "a", "ok", "2")]}, "answered '2'"),
        ({"calls": [Asked("9", "a", "ok", "9")]}, "executed 0 times"),
        ({"calls": [Asked("1", "a", "internal", "bug")]}, "internal"),
        ({"executed": ["1", "2", "2"]}, "2 was executed 2 times"),
        ({"calls": [Asked("2", "a", "timeout", "")]}, "no call succeeded"),
        ({"servers": [{**ROW, "state": "failed", "reason": "gave up"}]}, "a is failed: gave up"),
        ({"orphans": ["12 sleep"]}, "left over: 12 sleep"),
        ({"store": ["row 3 missing"]}, "damaged"),
        ({"ledger_rows": 1}, "1 in the ledger"),
        ({"exit_status": 1}, "status 1"),
        ({"samples": [*STEADY, *(Sample(99.0, 21 + MORE_FDS, 30, 100_000_000) for _ in range(4))]}, "fds grew"),
        ({"samples": [*STEADY, *(Sample(99.0, 20, 90, 100_000_000) for _ in range(4))]}, "tasks grew"),
        ({"samples": [*STEADY, *(Sample(99.0, 20, 30, 200_000_000) for _ in range(4))]}, "rss_bytes grew"),
        ({"samples": STEADY[:3]}, "too short"),
        ({"others": ["client 3 broke"]}, "client 3 broke"),
    ],
)
def test_each_fault_is_a_violation(change: dict[str, object], word: str) -> None:
    assert any(word in one for one in violations(replace(GOOD, **change)))  # type: ignore[arg-type]
