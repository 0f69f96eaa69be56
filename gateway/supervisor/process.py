"""`ChildProcess`: one process with raw pipes, its own session and exactly its environment. No MCP here.

Its exit is watched by the kernel's own handle (pidfd), not by the end of its output: a grandchild may hold the
pipe open long after the child is dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess  # noqa: TID251 - this is the module that starts children
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

import anyio

from gateway.errors import SpawnFailed
from gateway.supervisor.causes import Cause
from gateway.supervisor.ports import Gone
from gateway.supervisor.processes import exec_child
from gateway.supervisor.processes.exec_status import exec_status
from gateway.supervisor.processes.exits import describe
from gateway.supervisor.processes.lines import Lines
from gateway.supervisor.processes.orders import NO_ORDERS, Orders, WhyEnded, nobody_knows, words
from gateway.supervisor.processes.outbox import WRITE_DEADLINE_S, Outbox
from gateway.supervisor.processes.program import find_program
from gateway.supervisor.processes.ring import LineRing
from gateway.supervisor.processes.tree import signal_members

READ_BYTES: Final = 64 * 1024
EOF_GRACE_S: Final = 0.5
"""Between the end of its output and its exit: usually microseconds, and open calls wait for the better reason."""

KILL_WAIT_S: Final = 5.0
"""After SIGKILL only a process stuck in the kernel survives; nobody can do more about it."""

EXIT_POLL_S: Final = 0.05  # where there is no pidfd (macOS)
SHELL_SIGNALS: Final = 128  # a status above it tells the signal that ended a wrapped program
LAST_READS: Final = 64  # a dead child's pipe holds no more than this many reads


class TransientSpawnFailure(SpawnFailed):
    """The machine could not start it now; another try may work."""


LIVING: Final[dict[int, str]] = {}
"""Every process started here that is not reaped yet, with its server's name: what a sweep must spare."""

LEARNER: Final = "learner"
"""The name of a part of this program that runs by itself."""


class ChildProcess:
    """A running process. `on_data` gets its stdout; `on_end(reason)` is called once, when it can no longer talk."""

    def __init__(
        self,
        server: str,
        popen: subprocess.Popen[bytes],
        *,
        on_data: Callable[[bytes], None],
        on_end: Callable[[str], None],
        stderr: LineRing,
        write_deadline_s: float = WRITE_DEADLINE_S,
        why_ended: WhyEnded = nobody_knows,
        wrapped: bool = False,
    ) -> None:
        self.server = server
        self.pid = popen.pid
        LIVING[self.pid] = server
        self.exited = anyio.Event()
        self.cause = Cause.EXIT  # why it can no longer talk, once that is so
        self.read_bytes = READ_BYTES  # at a time; less where each of them is dear
        self._popen = popen
        self._loop = asyncio.get_running_loop()
        self._on_data = on_data
        self._on_end: Callable[[str], None] | None = on_end
        self._began = False
        self._early_end = ""
        self._why_ended = why_ended
        self._is_wrapped = wrapped
        self._is_killed_by_us = False
        self._stderr = stderr
        self._eof_timer: asyncio.TimerHandle | None = None
        self._gone: Gone | None = None
        self._out, self._err = _take_fd(popen.stdout), _take_fd(popen.stderr)
        self._outbox = Outbox(_take_fd(popen.stdin), self._deaf, deadline_s=write_deadline_s)
        self._reading = {self._out: self._read_out, self._err: self._read_err}
        self._pidfd = self._watch_exit()

    @classmethod
    async def start(
        cls,
        server: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        cwd: str | None = None,
        orders: Orders = NO_ORDERS,
        on_data: Callable[[bytes], None],
        on_end: Callable[[str], None],
        stderr: LineRing,
        write_deadline_s: float = WRITE_DEADLINE_S,
        why_ended: WhyEnded = nobody_knows,
        wrapped: bool = False,
    ) -> ChildProcess:
        """Start `argv` with exactly `env`, in a session of its own; returns when the program itself runs.

        `orders` are carried out in the new process before it becomes the program. `why_ended` is asked when it ends
        badly and not by us. `wrapped`: what is started here only starts the program, within its own group, and
        repeats its exit as a shell does; a TERM is for the program.

        Must be called on the main thread: the kernel ties the child's life to the thread that started it.

        Raises: SpawnFailed (TransientSpawnFailure when another try may help).
        """
        program = find_program(server, argv, env, cwd)
        popen, status_r = _start(server, program, argv, env, cwd=cwd, orders=orders)
        child = cls(
            server,
            popen,
            on_data=on_data,
            on_end=on_end,
            stderr=stderr,
            write_deadline_s=write_deadline_s,
            why_ended=why_ended,
            wrapped=wrapped,
        )
        try:
            problem = await exec_status(status_r)
        except BaseException:
            child._abandon()
            raise
        finally:
            os.close(status_r)
        if problem:
            child._abandon()
            raise SpawnFailed(server, f"{server} cannot start {argv[0]}: {problem}", fix=f"Correct {program}.")
        child._begin()
        return child

    @property
    def outbox(self) -> Outbox:
        """Its stdin."""
        return self._outbox

    def pause_reading(self) -> None:
        """Let its output wait in the pipe."""
        if self._out in self._reading:
            self._loop.remove_reader(self._out)

    def resume_reading(self) -> None:
        """Take its output again."""
        if self._out in self._reading:
            self._loop.add_reader(self._out, self._read_out)

    async def stop(self, grace_s: float) -> Gone:
        """Walk down the ladder: close its stdin, TERM its group, KILL its group; `grace_s` on each but the last."""
        self._outbox.close()
        for signals, wait_s in (
            ((), grace_s),
            ((signal.SIGTERM, signal.SIGCONT), grace_s),  # CONT: a stopped process could not act on TERM
            ((signal.SIGKILL,), KILL_WAIT_S),
        ):
            for number in signals:
                self._is_killed_by_us = number is signal.SIGKILL
                self._signal_group(number)
            with anyio.move_on_after(wait_s):
                await self.exited.wait()
            if self._gone is not None:
                return self._gone
        self._release()
        self._end("it survived SIGKILL", Cause.HANG)
        return Gone("it survived SIGKILL", cause=Cause.HANG)

    def _begin(self) -> None:
        """The program itself runs (or has run): its output and its end count from here on."""
        self._began = True
        for fd, read in self._reading.items():
            os.set_blocking(fd, False)
            self._loop.add_reader(fd, read)
        if self._early_end:
            self._take_last_words()
            self._end(self._early_end, self.cause)

    def _watch_exit(self) -> int | None:
        try:
            pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            self._loop.call_later(EXIT_POLL_S, self._poll_exit)
            return None
        self._loop.add_reader(pidfd, self._exit)
        return pidfd

    def _poll_exit(self) -> None:
        if self._popen.poll() is None:
            self._loop.call_later(EXIT_POLL_S, self._poll_exit)
        else:
            self._exit()

    def _exit(self) -> None:
        """It is a zombie: clear its group while its pid still holds the name, reap it, take its last words."""
        self._unwatch()
        if self._gone is not None:
            return
        self._signal_group(signal.SIGKILL)
        self._gone = self._describe(self._popen.wait())
        LIVING.pop(self.pid, None)
        if self._began:
            self._take_last_words()
        self.exited.set()
        self._end(self._gone.reason, self._gone.cause)

    def _describe(self, returncode: int) -> Gone:
        by_signal = self._is_wrapped and returncode > SHELL_SIGNALS
        gone = describe(SHELL_SIGNALS - returncode if by_signal else returncode)
        fate = None if gone.clean or self._is_killed_by_us else self._why_ended(returncode)
        return gone if fate is None else Gone(f"{fate[1]}; {gone.reason}", gone.code, gone.signal, fate[0])

    def _take_last_words(self) -> None:
        for fd, read in list(self._reading.items()):
            for _ in range(LAST_READS):
                if fd not in self._reading or not read():
                    break
        self._release()

    def _signal_group(self, number: signal.Signals) -> None:
        if self._gone is not None:
            return
        if self._is_wrapped and number is not signal.SIGKILL:
            signal_members(self.pid, number)
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _read_out(self) -> bool:
        data = self._read(self._out)
        if data:
            self._on_data(data)
        elif data == b"":
            self._end_soon("it closed its stdout", Cause.SILENT)
        return bool(data)

    def _read_err(self) -> bool:
        data = self._read(self._err)
        if data:
            self._stderr.feed(data)
        return bool(data)

    def _read(self, fd: int) -> bytes | None:
        """Return what is there; b"" at the end of the stream, None when nothing is there now."""
        try:
            data = os.read(fd, self.read_bytes)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            self._close_reader(fd)
        return data

    def _close_reader(self, fd: int) -> None:
        if self._reading.pop(fd, None) is not None:
            self._loop.remove_reader(fd)
            os.close(fd)

    def _release(self) -> None:
        LIVING.pop(self.pid, None)
        self._outbox.close()
        self._unwatch()
        for fd in list(self._reading):
            self._close_reader(fd)

    def _unwatch(self) -> None:
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None

    def _deaf(self, reason: str) -> None:
        self._end_soon(reason, Cause.DEAF)

    def _end_soon(self, reason: str, cause: Cause) -> None:
        """A closed pipe is mostly the first sign of an exit, which is the better reason."""
        if self._gone is None and self._eof_timer is None:
            self._eof_timer = self._loop.call_later(EOF_GRACE_S, self._end, reason, cause)

    def _end(self, reason: str, cause: Cause) -> None:
        if self._on_end is not None:
            self.cause = cause
        if not self._began:
            self._early_end = reason
            return
        on_end, self._on_end = self._on_end, None
        if self._eof_timer is not None:
            self._eof_timer.cancel()
        if on_end is not None:
            on_end(reason)

    def _abandon(self) -> None:
        """It never became what it should: nobody is to hear of it."""
        self._signal_group(signal.SIGKILL)
        if self._gone is None:
            self._gone = describe(self._popen.wait())
        self._release()
        self.exited.set()


def _take_fd(pipe: IO[bytes] | None) -> int:
    """Take a pipe's descriptor over from the file object, which would close it a second time."""
    assert pipe is not None  # noqa: S101 - all three are pipes; for the type checker
    fd = os.dup(pipe.fileno())
    pipe.close()
    return fd


def _start(
    server: str, program: str, argv: Sequence[str], env: Mapping[str, str], *, cwd: str | None, orders: Orders
) -> tuple[subprocess.Popen[bytes], int]:
    """Start it; return it and where it says what kept it from becoming the program. Raises: SpawnFailed."""
    status_r, status_w = os.pipe()
    try:
        return _fork(server, program, argv, env, cwd=cwd, orders=orders, status_w=status_w), status_r
    except BaseException:
        os.close(status_r)
        raise
    finally:
        os.close(status_w)


def _fork(
    server: str,
    program: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    cwd: str | None,
    orders: Orders,
    status_w: int,
) -> subprocess.Popen[bytes]:
    told = words(orders)
    prologue = [*_PROLOGUE, str(status_w), str(os.getpid()), str(len(told)), *told, program]
    try:
        return subprocess.Popen(  # noqa: S603 - argv, never a shell
            [*prologue, *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=cwd,
            env=dict(env),
            start_new_session=True,
            pass_fds=(status_w,),
        )
    except (OSError, ValueError) as exc:
        if isinstance(exc, OSError) and exc.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
            raise TransientSpawnFailure(server, f"{server} cannot start now: {exc.strerror}") from exc
        raise SpawnFailed(
            server, f"{server} cannot start: {exc}", fix="Correct its command, env or working directory."
        ) from exc


# Imported, not run as a script: so the interpreter keeps its byte code, which spares a tenth of each start.
_PROLOGUE: Final = (
    sys.executable, "-I", "-S", "-c",
    f"import sys; sys.path.append({str(Path(exec_child.__file__).parent)!r}); import exec_child;"
    " exec_child.main(sys.argv[1:])",
)  # fmt: skip


async def spawn_lines(
    argv: Sequence[str], env: Mapping[str, str], *, cwd: str | None = None, name: str = LEARNER
) -> Lines:
    """Start `argv` with exactly this environment, as a process that speaks lines.

    Raises: SpawnFailed.
    """
    lines = Lines(name)
    process = await ChildProcess.start(
        name, argv, env, cwd=cwd, on_data=lines.take, on_end=lines.end, stderr=lines.stderr
    )
    lines.attach(process)
    return lines
