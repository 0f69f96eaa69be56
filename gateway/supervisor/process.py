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
from typing import IO, Final

import anyio
import msgspec

from gateway.errors import SpawnFailed
from gateway.supervisor.ports import Gone
from gateway.supervisor.processes import exec_child
from gateway.supervisor.processes.lines import Lines
from gateway.supervisor.processes.orders import NO_ORDERS, Orders
from gateway.supervisor.processes.outbox import WRITE_DEADLINE_S, Outbox
from gateway.supervisor.processes.program import find_program
from gateway.supervisor.processes.ring import LineRing

READ_BYTES: Final = 64 * 1024
EXEC_DEADLINE_S: Final = 10.0
"""From fork to exec; only a stuck file system or machine needs longer than milliseconds."""

EOF_GRACE_S: Final = 0.5
"""Between the end of its output and its exit: usually microseconds, and open calls wait for the better reason."""

KILL_WAIT_S: Final = 5.0
"""After SIGKILL only a process stuck in the kernel survives; nobody can do more about it."""

EXIT_POLL_S: Final = 0.05  # where there is no pidfd (macOS)
LAST_READS: Final = 64  # a dead child's pipe holds no more than this many reads


class TransientSpawnFailure(SpawnFailed):
    """The machine could not start it now; another try may work."""


LIVING: Final[dict[int, str]] = {}
"""Every process started here that is not reaped yet, with its server's name: what a sweep must spare."""


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
    ) -> None:
        self.server = server
        self.pid = popen.pid
        LIVING[self.pid] = server
        self.exited = anyio.Event()
        self._popen = popen
        self._loop = asyncio.get_running_loop()
        self._on_data = on_data
        self._on_end: Callable[[str], None] | None = on_end
        self._began = False
        self._early_end = ""
        self._stderr = stderr
        self._eof_timer: asyncio.TimerHandle | None = None
        self._gone: Gone | None = None
        self._out, self._err = _take_fd(popen.stdout), _take_fd(popen.stderr)
        self._outbox = Outbox(_take_fd(popen.stdin), self._end, deadline_s=write_deadline_s)
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
    ) -> ChildProcess:
        """Start `argv` with exactly `env`, in a session of its own; returns when the program itself runs.

        `orders` are carried out in the new process before it becomes the program.

        Must be called on the main thread: the kernel ties the child's life to the thread that started it.

        Raises: SpawnFailed (TransientSpawnFailure when another try may help).
        """
        program = find_program(server, argv, env, cwd)
        status_r, status_w = os.pipe()
        try:
            popen = _fork(server, program, argv, env, cwd=cwd, orders=orders, status_w=status_w)
        except BaseException:
            os.close(status_r)
            raise
        finally:
            os.close(status_w)
        child = cls(server, popen, on_data=on_data, on_end=on_end, stderr=stderr, write_deadline_s=write_deadline_s)
        try:
            problem = await _exec_status(status_r)
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
                self._signal_group(number)
            with anyio.move_on_after(wait_s):
                await self.exited.wait()
            if self._gone is not None:
                return self._gone
        self._release()
        self._end("it survived SIGKILL")
        return Gone("it survived SIGKILL")

    def _begin(self) -> None:
        """The program itself runs (or has run): its output and its end count from here on."""
        self._began = True
        for fd, read in self._reading.items():
            os.set_blocking(fd, False)
            self._loop.add_reader(fd, read)
        if self._early_end:
            self._take_last_words()
            self._end(self._early_end)

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
        self._gone = _describe(self._popen.wait())
        LIVING.pop(self.pid, None)
        if self._began:
            self._take_last_words()
        self.exited.set()
        self._end(self._gone.reason)

    def _take_last_words(self) -> None:
        for fd, read in list(self._reading.items()):
            for _ in range(LAST_READS):
                if fd not in self._reading or not read():
                    break
        self._release()

    def _signal_group(self, number: signal.Signals) -> None:
        if self._gone is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def _read_out(self) -> bool:
        data = self._read(self._out)
        if data:
            self._on_data(data)
        elif data == b"" and self._gone is None and self._eof_timer is None:
            self._eof_timer = self._loop.call_later(EOF_GRACE_S, self._end, "it closed its stdout")
        return bool(data)

    def _read_err(self) -> bool:
        data = self._read(self._err)
        if data:
            self._stderr.feed(data)
        return bool(data)

    def _read(self, fd: int) -> bytes | None:
        """Return what is there; b"" at the end of the stream, None when nothing is there now."""
        try:
            data = os.read(fd, READ_BYTES)
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

    def _end(self, reason: str) -> None:
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
            self._gone = _describe(self._popen.wait())
        self._release()
        self.exited.set()


def _take_fd(pipe: IO[bytes] | None) -> int:
    """Take a pipe's descriptor over from the file object, which would close it a second time."""
    assert pipe is not None  # noqa: S101 - all three are pipes; for the type checker
    fd = os.dup(pipe.fileno())
    pipe.close()
    return fd


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
    told = msgspec.json.encode(orders).decode()
    prologue = [sys.executable, "-I", "-S", exec_child.__file__, str(status_w), str(os.getpid()), told, program]
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


_STEPS: Final = {
    "exec": "",
    "cgroups": "it cannot be put into its control group: ",
    "rlimits": "its limits cannot be set: ",
    "landlock": "landlock cannot confine it: ",
    "network": "its network cannot be taken away: ",
}


async def _exec_status(status_r: int) -> str:
    """Return what kept the program from starting, or nothing."""
    with anyio.move_on_after(EXEC_DEADLINE_S):
        await anyio.wait_readable(status_r)
        step, _, number = os.read(status_r, 64).decode("ascii", "replace").partition(" ")
        return f"{_STEPS.get(step, step)}{os.strerror(int(number))}" if number.isdigit() else ""
    return f"it did not start within {EXEC_DEADLINE_S:g} s"


def _describe(returncode: int) -> Gone:
    if returncode >= 0:
        return Gone(f"exited with status {returncode}", code=returncode)
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    return Gone(f"killed by {name}", signal=name)


async def spawn_lines(
    argv: Sequence[str], env: Mapping[str, str], *, cwd: str | None = None, name: str = "learner"
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
