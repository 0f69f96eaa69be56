"""The learner process: reads experience from the store, trains, writes snapshot and checkpoint files. Nothing else.

Speaks JSON-RPC lines on its stdio: hello, set_tools, train, evaluate, status, shutdown. It never writes to the store.
Without torch it answers `hello` with state `installing` and waits to be asked again. Ends when its stdin ends.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import msgspec
import structlog

from gateway.learning.files import write_atomically
from gateway.learning.ports import ExperienceSource
from gateway.model import ToolCard
from gateway.store.experience import ExperienceReader

INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL = -32600, -32601, -32602, -32603
KEPT_SNAPSHOTS = 5


class Course(Protocol):
    """What trains: `gateway.learning.course.Course`, which needs torch."""

    def set_tools(self, cards: Sequence[ToolCard]) -> None: ...
    def study(self, reader: ExperienceSource, limit: int) -> int: ...
    def snapshot_bytes(self) -> bytes: ...
    def evaluate(self) -> dict[str, Any]: ...
    def describe(self) -> dict[str, Any]: ...
    def checkpoint_if_due(self, *, force: bool = False) -> None: ...

    @property
    def version(self) -> str: ...


class Learner:
    """Answers one request after the other."""

    def __init__(
        self,
        open_reader: Callable[[], ExperienceSource],
        directory: Path,
        open_course: Callable[[dict[str, Any], Path], Course],
        *,
        can_train: Callable[[], bool],
    ) -> None:
        self._open_reader = open_reader
        self._open_course = open_course
        self._can_train = can_train
        self._directory = directory
        self._reader: ExperienceSource | None = None
        self._course: Course | None = None
        self.done = False

    def hello(self, params: dict[str, Any]) -> dict[str, Any]:
        """Begin: take the `[learning]` table, restore the checkpoint."""
        if self._course is None:
            if not self._can_train():
                return {"state": "installing"}
            self._course = self._open_course(dict(params.get("config") or {}), self._directory)
        return {"state": "ready", "version": self._course.version}

    def set_tools(self, params: dict[str, Any]) -> dict[str, Any]:
        """Know exactly these tools."""
        cards = [msgspec.convert(card, ToolCard) for card in params["tools"]]
        self._need_course().set_tools(cards)
        return {"tools": len(cards)}

    def train(self, params: dict[str, Any]) -> dict[str, Any]:
        """Read what is new, train on it, write a snapshot; answers with its path, metrics and how many rows were
        read."""
        course = self._need_course()
        if self._reader is None:
            self._reader = self._open_reader()
        consumed = course.study(self._reader, int(params.get("limit", 20_000)))
        path = self._directory / "snapshots" / f"policy-{course.version}.safetensors"
        write_atomically(path, course.snapshot_bytes())
        course.checkpoint_if_due()
        for old in sorted(path.parent.glob("policy-*.safetensors"), key=lambda p: p.stat().st_mtime)[:-KEPT_SNAPSHOTS]:
            old.unlink(missing_ok=True)
        return {"path": str(path), "consumed": consumed, **course.describe()}

    def evaluate(self, _params: dict[str, Any]) -> dict[str, Any]:
        """Estimate what the learned policy and the static ranker are worth on the logged evaluation decisions."""
        return self._need_course().evaluate()

    def status(self, _params: dict[str, Any]) -> dict[str, Any]:
        """Tell metrics and counters."""
        return {"state": "installing"} if self._course is None else {"state": "ready", **self._course.describe()}

    def shutdown(self, _params: dict[str, Any]) -> dict[str, Any]:
        """Write the checkpoint; the process ends after this answer."""
        if self._course is not None:
            self._course.checkpoint_if_due(force=True)
        if self._reader is not None:
            self._reader.close()
        self.done = True
        return {}

    def answer(self, line: bytes) -> dict[str, Any] | None:
        """Answer one line; None for a notification. Never raises."""
        request_id: Any = None
        try:
            request = json.loads(line)
            request_id = request.get("id")
            method = _METHODS.get(request["method"])
            if method is None:
                return _error(request_id, METHOD_NOT_FOUND, f"unknown method {request['method']!r}")
            result = method(self, request.get("params") or {})
        except (msgspec.ValidationError, KeyError, TypeError) as error:
            return _error(request_id, INVALID_PARAMS, f"{type(error).__name__}: {error}")
        except (ValueError, AttributeError) as error:
            return _error(request_id, INVALID_REQUEST, str(error))
        except Exception as error:  # noqa: BLE001 - the learner outlives a failed request; the link hears of it
            traceback.print_exc(file=sys.stderr)
            return _error(request_id, INTERNAL, f"{type(error).__name__}: {error}")
        return None if request_id is None else {"jsonrpc": "2.0", "id": request_id, "result": result}

    def _need_course(self) -> Course:
        if self._course is None:
            raise ValueError("say hello first")
        return self._course


_METHODS: dict[str, Callable[[Learner, dict[str, Any]], dict[str, Any]]] = {
    "hello": Learner.hello,
    "set_tools": Learner.set_tools,
    "train": Learner.train,
    "evaluate": Learner.evaluate,
    "status": Learner.status,
    "shutdown": Learner.shutdown,
}


def serve(learner: Learner, lines: BinaryIO, out: BinaryIO) -> None:
    """Answer line by line until the input ends or `shutdown` came."""
    for line in lines:
        if not line.strip():
            continue
        answer = learner.answer(line)
        if answer is not None:
            out.write(json.dumps(answer).encode() + b"\n")
            out.flush()
        if learner.done:
            return


def torch_is_here() -> bool:
    """Whether torch is installed (it may still be on its way when serving begins)."""
    importlib.invalidate_caches()
    return importlib.util.find_spec("torch") is not None


def open_torch_course(config: dict[str, Any], directory: Path) -> Course:
    """Import torch and make what trains with it, restored from its checkpoint if there is a good one."""
    import torch  # noqa: PLC0415 - seconds and 200 MB, and it may not be installed yet

    from gateway.learning.course import Course as TorchCourse  # noqa: PLC0415 - needs torch

    torch.set_num_threads(1)  # the daemon's machine has other work to do
    return TorchCourse.open(config, directory)


def _error(request_id: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}


def main(argv: Sequence[str] | None = None) -> int:
    """Run as `python -m gateway.learning.learner --store URL --directory DIR`."""
    parser = argparse.ArgumentParser(prog="gateway.learning.learner", description="The learner process of the gateway.")
    parser.add_argument("--store", required=True, help="URL of the store to read experience from")
    parser.add_argument("--directory", required=True, type=Path, help="where snapshots and the checkpoint are kept")
    options = parser.parse_args(argv)
    learner = Learner(
        lambda: ExperienceReader(options.store), options.directory, open_torch_course, can_train=torch_is_here
    )
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever a library prints must not end up between the answers
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    serve(learner, sys.stdin.buffer, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
