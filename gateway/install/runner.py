"""The only place of this room that starts processes: bounded in time and output, in a given folder and environment."""

from __future__ import annotations

import os
import signal
import subprocess  # noqa: TID251 - this module is one of the four that may
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import anyio.abc
import structlog

from gateway.errors import InstallError

TAIL_LINES = 30
TAIL_LINE_CHARS = 500
MAX_STDOUT_BYTES = 32 * 1024 * 1024
KILL_GRACE_S = 2.0  # how long TERM may take before KILL

RUNNING: Final[dict[int, str]] = {}
"""Every process started here that has not ended yet, with its step: what is no stray, wherever strays are ended."""

_log = structlog.get_logger("install")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a process ended."""

    exit_code: int
    stdout: bytes
    tail: tuple[str, ...]


async def run(
    step: str,
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    check: bool = True,
) -> Finished:
    """Run one program to its end; its standard input is empty.

    When it takes too long, or we are cancelled, the whole process group is killed.

    Raises: InstallError carrying the step, the exit status and the last lines of output.
    """
    process = await _start(step, argv, cwd, env)
    RUNNING[process.pid] = step
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    stdout = bytearray()
    try:
        with anyio.fail_after(timeout_s):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_collect, process.stdout, stdout)
                tasks.start_soon(_follow, process.stderr, tail)
                await process.wait()
                # A grandchild may hold the pipes open; what the program itself said is here by then.
                _kill_group(process.pid, signal.SIGKILL)
    except TimeoutError as exc:
        raise InstallError(
            f"{step} took longer than {timeout_s:g} s",
            step=step,
            fix="Try again, or raise [install] timeout_s.",
            tail=tail,
        ) from exc
    finally:
        await _stop(process)
        RUNNING.pop(process.pid, None)
    code = process.returncode if process.returncode is not None else -1
    finished = Finished(code, bytes(stdout), tuple(tail) or _last_lines(stdout))
    _log.debug("install_step_finished", step=step, program=Path(argv[0]).name, exit_code=code)
    if check and code != 0:
        raise InstallError(
            f"{step} failed with exit status {code}",
            step=step,
            exit_code=code,
            tail=finished.tail,
            fix="See the last lines of its output; try again if the network was the cause.",
        )
    return finished


async def _start(step: str, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> anyio.abc.Process:
    try:
        return await anyio.open_process(  # noqa: TID251 - this module is one of the four that may
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as exc:
        raise InstallError(
            f"{step}: {argv[0]} cannot be started: {exc.strerror or exc}", step=step, fix="Run `mcp-gateway doctor`."
        ) from exc


async def _collect(stream: anyio.abc.ByteReceiveStream | None, into: bytearray) -> None:
    if stream is not None:
        async for chunk in stream:
            into += chunk[: max(0, MAX_STDOUT_BYTES - len(into))]


async def _follow(stream: anyio.abc.ByteReceiveStream | None, tail: deque[str]) -> None:
    if stream is None:
        return
    rest = b""
    async for chunk in stream:
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[-TAIL_LINE_CHARS:]
        tail.extend(_readable(line) for line in lines if line.strip())
    if rest.strip():
        tail.append(_readable(rest))


def _readable(line: bytes) -> str:
    text = line[:TAIL_LINE_CHARS].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _last_lines(output: bytearray) -> tuple[str, ...]:
    lines = [line for line in bytes(output[-8192:]).split(b"\n") if line.strip()]
    return tuple(_readable(line) for line in lines[-TAIL_LINES:])


def _kill_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


async def _stop(process: anyio.abc.Process) -> None:
    """Leave nothing of the process group behind."""
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            _kill_group(process.pid, signal.SIGTERM)
            with anyio.move_on_after(KILL_GRACE_S):
                await process.wait()
        _kill_group(process.pid, signal.SIGKILL)
        with anyio.move_on_after(KILL_GRACE_S):
            await process.aclose()
