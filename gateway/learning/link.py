"""The daemon's end of the learner: starts it when there is something to learn, adopts its snapshots, lets it go when
idle.

Nothing here is on a call's path. Every wait is bounded; a learner that dies or hangs is stopped and tried again after
a back-off.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.to_thread
import psutil
import structlog

from gateway.clock import Clock
from gateway.config.learning import LearningSection
from gateway.errors import ChildError, ChildGone, GatewayError, ProtocolError
from gateway.learning.files import write_atomically
from gateway.learning.live import LivePolicy
from gateway.learning.ports import LineProcess, Spawn
from gateway.learning.snapshot import SnapshotRefused, read_file

TICK_S = 1.0
HELLO_TIMEOUT_S = 120.0
"""Importing torch takes seconds on a good day, a minute on a loaded machine with a cold disk."""
REQUEST_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 10.0
BACKOFF_S, BACKOFF_MAX_S = 2.0, 300.0
INSTALLING_RETRY_S = 15.0
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
PASSED_ON_PREFIXES = ("CUDA_", "NVIDIA_", "HF_", "TORCH_")

log = structlog.get_logger("learner_link")


class TorchMissing(GatewayError):
    """The learner waits for torch."""

    code = "installing"


class LearnerLink:
    """Owns the learner process."""

    def __init__(
        self,
        *,
        policy: LivePolicy,
        spawn: Spawn,
        store_url: str,
        directory: Path,
        config: LearningSection,
        clock: Clock,
        environ: Mapping[str, str] | None = None,
        on_adopted: Callable[[dict[str, Any]], None] | None = None,
        tick_s: float = TICK_S,
    ) -> None:
        """`on_adopted` hears of each adopted snapshot: {"version", "path", "metrics", …}, for the store's policy
        versions."""
        self._policy = policy
        self._spawn = spawn
        self._argv = (
            *(sys.executable, "-m", "gateway.learning.learner"),
            *("--store", store_url, "--directory", str(directory)),
        )
        self._directory = directory
        self._config = config
        self._clock = clock
        self._env = learner_environment(os.environ if environ is None else environ)
        self._on_adopted = on_adopted
        self._tick_s = tick_s
        self._process: LineProcess | None = None
        self._lock = anyio.Lock()
        self._next_id = 0
        self._tools_told = -1
        self._state = "idle" if config.mode != "off" else "off"
        self._retry_at = 0.0
        self._backoff_s = BACKOFF_S
        self._used_at = clock.now()

    async def run(self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Watch the policy until cancelled; then write its counts down and stop the learner."""
        task_status.started()
        try:
            while True:
                await anyio.sleep(self._tick_s)
                await self._tick()
        finally:
            with anyio.move_on_after(STOP_TIMEOUT_S, shield=True):
                await self._write_counts()
                await self._stop(politely=True)

    async def train(self) -> dict[str, Any]:
        """Train on what is new and adopt the result. Raises: GatewayError saying what is wrong."""
        pending = self._policy.pending
        answer = await self._ask("train", {})
        try:
            snapshot = await anyio.to_thread.run_sync(read_file, Path(answer["path"]))
            self._policy.adopt_snapshot(snapshot, Path(answer["path"]).name)
        except (SnapshotRefused, KeyError, TypeError) as error:
            log.warning("snapshot_refused", reason=str(error))
            raise ProtocolError(f"the learner's snapshot was refused: {error}", fix="See the learner's log.") from error
        self._policy.pending = max(0, self._policy.pending - pending)
        if self._on_adopted is not None:
            self._on_adopted(answer)
        log.info("snapshot_adopted", version=self._policy.version, rows=answer.get("consumed"))
        return answer

    async def evaluate(self) -> dict[str, Any]:
        """Return `learn evaluate` (CONTRACT section 4). Raises: GatewayError."""
        return await self._ask("evaluate", {})

    async def reset(self) -> None:
        """Forget what was learned, in memory and on disk; the ledger stays."""
        async with self._lock:
            await self._stop(politely=False)
            for path in (self._directory / "checkpoint.safetensors", *(self._directory / "snapshots").glob("policy-*")):
                path.unlink(missing_ok=True)
            self._policy.reset()
            await self._write_counts()

    def status(self) -> dict[str, Any]:
        """Return the learner's row of `learn status`."""
        rss_bytes = None if self._process is None else _resident_bytes(self._process.pid)
        if self._process is None or rss_bytes is None:
            # Dead while nobody asked it anything: the next question starts another one.
            return {"state": "idle" if self._state == "ready" else self._state, "pid": None, "rss_bytes": None}
        return {"state": self._state, "pid": self._process.pid, "rss_bytes": rss_bytes}

    async def _tick(self) -> None:
        await self._write_counts()
        now = self._clock.now()
        due = self._policy.pending >= self._config.every and not self._policy.frozen
        if self._config.mode != "off" and due and now >= self._retry_at:
            try:
                await self.train()
            except GatewayError as error:
                log.warning("training_failed", reason=error.message, retry_in_s=max(0.0, self._retry_at - now))
        elif self._process is not None and now - self._used_at > self._config.idle_exit_s:
            async with self._lock:
                await self._stop(politely=True)
                self._state = "idle"

    async def _write_counts(self) -> None:
        data = self._policy.take_state()
        if data is None:
            return
        try:
            await anyio.to_thread.run_sync(write_atomically, self._policy.state_file, data)
        except OSError as error:
            log.warning("live_counts_not_written", reason=str(error))

    async def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        async with self._lock:
            try:
                await self._ready()
                self._state = "training" if method == "train" else "ready"
                answer = await self._request(method, params, REQUEST_TIMEOUT_S)
            except (ChildError, ProtocolError, TorchMissing, TimeoutError) as error:
                await self._failed(error)
                if isinstance(error, GatewayError):
                    raise
                raise ProtocolError(f"the learner did not answer {method} in time") from error
            except BaseException:
                # cancelled in the middle of an answer: the next reader would get this one's
                await self._abandon()
                raise
            self._state, self._backoff_s, self._used_at = "ready", BACKOFF_S, self._clock.now()
            return answer

    async def _ready(self) -> None:
        """Have a learner that knows the settings and the tools; one that died unasked is replaced."""
        if self._process is not None and _resident_bytes(self._process.pid) is None:
            log.warning("learner_died", pid=self._process.pid)
            await self._stop(politely=False)
        if self._process is None:
            self._state = "starting"
            self._process = await self._spawn(self._argv, self._env)
            self._tools_told = -1
            settings = {"config": asdict(self._config)}
            if (await self._request("hello", settings, HELLO_TIMEOUT_S)).get("state") == "installing":
                raise TorchMissing("torch is not installed yet", fix="Wait, or install torch into the environment.")
        if self._tools_told != self._policy.toolset_changes:
            told = self._policy.toolset_changes
            await self._request("set_tools", {"tools": self._policy.cards()}, REQUEST_TIMEOUT_S)
            self._tools_told = told

    async def _request(self, method: str, params: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        process = self._process
        if process is None:
            raise ChildGone("learner", reason="it is not running")
        self._next_id += 1
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        with anyio.fail_after(timeout_s):
            await process.send(json.dumps(request).encode())
            while True:
                answer = _read(await process.receive())
                if answer.get("id") == self._next_id:
                    break
        if "error" in answer:
            raise ProtocolError(f"the learner refused {method}: {answer['error'].get('message')}")
        result = answer.get("result")
        return result if isinstance(result, dict) else {}

    async def _failed(self, error: Exception) -> None:
        await self._stop(politely=False)
        installing = isinstance(error, TorchMissing)
        self._state = "installing" if installing else "backoff"
        wait = INSTALLING_RETRY_S if installing else self._backoff_s
        self._retry_at = self._clock.now() + wait
        if not installing:
            self._backoff_s = min(2 * self._backoff_s, BACKOFF_MAX_S)

    async def _abandon(self) -> None:
        with anyio.move_on_after(STOP_TIMEOUT_S, shield=True):
            await self._stop(politely=False)

    async def _stop(self, *, politely: bool) -> None:
        process = self._process
        if process is None:
            return
        if politely:
            try:
                await self._request("shutdown", {}, STOP_TIMEOUT_S / 2)
            except (ChildError, ProtocolError, TimeoutError) as error:
                log.info("learner_left_without_checkpoint", reason=str(error))
        self._process = None
        with anyio.move_on_after(STOP_TIMEOUT_S):
            await process.stop()


def learner_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the exact environment of the learner: paths, locale and what torch needs; no tokens, no keys."""
    kept = {k: v for k, v in environ.items() if k in PASSED_ON or k.startswith(PASSED_ON_PREFIXES)}
    kept.pop("HF_TOKEN", None)
    return {**kept, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def _read(line: bytes) -> dict[str, Any]:
    """Read one line; noise on the learner's stdout is skipped by the caller because it has no id."""
    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _resident_bytes(pid: int) -> int | None:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None
