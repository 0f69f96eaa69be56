"""The learner process: its answers, and the real thing over a real store."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.learning.learner import (
    INTERNAL,
    INVALID_PARAMS,
    INVALID_REQUEST,
    KEPT_SNAPSHOTS,
    METHOD_NOT_FOUND,
    Learner,
    open_torch_course,
    serve,
    torch_is_here,
)
from gateway.learning.snapshot import read_file
from tests.learning.rows import CARDS, Rows, lived_rows

CONFIG = {"batch": 32, "steps": 2, "every": 16}
TOOLS = [msgspec.to_builtins(card) for card in CARDS]


def _learner(directory: Path, rows: Rows | None = None, *, torch: bool = True) -> Learner:
    return Learner(lambda: rows or Rows(lived_rows(80)), directory, open_torch_course, can_train=lambda: torch)


def _ask(learner: Learner, method: str, **params: Any) -> dict[str, Any]:
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    answer = learner.answer(line)
    assert answer is not None
    return answer


def _ready(directory: Path, rows: Rows | None = None) -> Learner:
    learner = _learner(directory, rows)
    assert _ask(learner, "hello", config=CONFIG)["result"]["state"] == "ready"
    assert _ask(learner, "set_tools", tools=TOOLS)["result"] == {"tools": len(TOOLS)}
    return learner


def test_without_torch_it_says_installing_and_can_be_asked_again(tmp_path: Path) -> None:
    learner = _learner(tmp_path, torch=False)
    assert _ask(learner, "hello")["result"] == {"state": "installing"}
    assert _ask(learner, "status")["result"] == {"state": "installing"}
    assert _ask(learner, "train")["error"]["message"] == "say hello first"


def test_torch_is_found_here() -> None:
    assert torch_is_here()


def test_training_writes_a_snapshot_that_can_be_read(tmp_path: Path) -> None:
    result = _ask(_ready(tmp_path), "train")["result"]
    snapshot = read_file(Path(result["path"]))
    assert snapshot.meta["counter"] == 5
    assert result["version"] in result["path"]
    assert result["consumed"] == 80
    assert set(result["metrics"]) == {"loss", "grad_norm", "entropy", "ece"}


def test_only_the_newest_snapshots_stay(tmp_path: Path) -> None:
    rows = Rows([])
    learner = _ready(tmp_path, rows)
    for number in range(KEPT_SNAPSHOTS + 3):
        rows.rows = lived_rows(16 * (number + 1))
        last = _ask(learner, "train")["result"]["path"]
    kept = sorted((tmp_path / "snapshots").iterdir())
    assert len(kept) == KEPT_SNAPSHOTS
    assert str(kept[-1]) == last


def test_shutdown_writes_the_checkpoint_and_the_next_learner_goes_on(tmp_path: Path) -> None:
    rows = Rows(lived_rows(80))
    learner = _ready(tmp_path, rows)
    _ask(learner, "train")
    _ask(learner, "shutdown")
    assert learner.done
    assert rows.closed
    assert _ask(_ready(tmp_path, rows), "train")["result"]["consumed"] == 0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", INVALID_REQUEST),
        (b"[]", INVALID_REQUEST),
        (b'{"id": 1, "method": "fly"}', METHOD_NOT_FOUND),
        (b'{"id": 1}', INVALID_PARAMS),
        (b'{"id": 1, "method": "set_tools", "params": {}}', INVALID_PARAMS),
    ],
)
def test_bad_requests_are_answered_not_fatal(line: bytes, code: int, tmp_path: Path) -> None:
    answer = _learner(tmp_path).answer(line)
    assert answer is not None
    assert answer["error"]["code"] == code


def test_a_failure_inside_is_answered_and_traced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> Rows:
        raise RuntimeError("the store is on fire")

    learner = Learner(broken, tmp_path, open_torch_course, can_train=lambda: True)
    _ask(learner, "hello", config=CONFIG)
    assert _ask(learner, "train")["error"]["code"] == INTERNAL
    assert "on fire" in capsys.readouterr().err


def test_serving_answers_line_by_line_until_shutdown(tmp_path: Path) -> None:
    requests = [
        {"id": 1, "method": "status"},
        {"method": "status"},
        {"id": 2, "method": "shutdown"},
        {"id": 3, "method": "x"},
    ]
    out = io.BytesIO()
    serve(_learner(tmp_path), io.BytesIO(b"\n".join(json.dumps(r).encode() for r in requests)), out)
    assert [json.loads(line)["id"] for line in out.getvalue().splitlines()] == [1, 2]


def _run(argv: Sequence[str], requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    lines = b"".join(json.dumps({"jsonrpc": "2.0", **request}).encode() + b"\n" for request in requests)
    environment = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "PYTHONPATH", "VIRTUAL_ENV")}
    found = subprocess.run(argv, input=lines, capture_output=True, env=environment, timeout=100, check=True)
    return [json.loads(line) for line in found.stdout.splitlines()]


@pytest.mark.process
@pytest.mark.timeout(120)
def test_the_real_process_ends_with_its_input_and_says_what_is_wrong(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/nothing.db"
    argv = [sys.executable, "-m", "gateway.learning.learner", "--store", store, "--directory", str(tmp_path)]
    hello, train = _run(
        argv, [{"id": 1, "method": "hello", "params": {"config": CONFIG}}, {"id": 2, "method": "train"}]
    )
    assert hello["result"]["state"] == "ready"
    assert train["error"]["code"] == INTERNAL
