"""Real processes: pipes, exits, the stop ladder, exact environments."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import psutil
import pytest

from gateway.errors import ChildGone, SpawnFailed
from gateway.supervisor.process import LIVING, ChildProcess, spawn_lines
from gateway.supervisor.processes.ring import LineRing
from tests.supervisor.running import PATIENCE_S

pytestmark = pytest.mark.process
ENV = {"PATH": os.environ["PATH"]}


@dataclass
class Output:
    """What a process said, and when it ended."""

    data: bytes = b""
    ends: list[str] = field(default_factory=list)
    stderr: LineRing = field(default_factory=LineRing)
    more: anyio.Event = field(default_factory=anyio.Event)

    def take(self, data: bytes) -> None:
        self.data += data
        self.more.set()

    def end(self, reason: str) -> None:
        self.ends.append(reason)
        self.more.set()

    async def until(self, question: Callable[[], bool]) -> None:
        with anyio.fail_after(PATIENCE_S):
            while not question():
                self.more = anyio.Event()
                await self.more.wait()


async def python(output: Output, code: str, env: dict[str, str] | None = None, **more: float | str) -> ChildProcess:
    return await ChildProcess.start(
        "test",
        [sys.executable, "-c", code],
        ENV if env is None else env,
        on_data=output.take,
        on_end=output.end,
        stderr=output.stderr,
        **more,  # type: ignore[arg-type]
    )


async def test_what_goes_in_comes_out_and_a_closed_stdin_ends_it() -> None:
    out = Output()
    child = await python(out, "import sys\nfor l in sys.stdin: print('got', l, end='', flush=True)")
    child.outbox.write(b"hello\n")
    await out.until(lambda: out.data == b"got hello\n")
    gone = await child.stop(5.0)
    assert (gone.code, gone.signal, gone.clean) == (0, None, True)
    assert out.ends == ["exited with status 0"]
    assert child.pid not in LIVING


async def test_the_environment_is_exact() -> None:
    out = Output()
    child = await python(out, "import os; print(open('/proc/self/environ').read())", {"ONLY": "this", "B": "2"})
    await out.until(lambda: bool(out.ends))
    assert set(out.data.decode().strip().strip("\0").split("\0")) == {"ONLY=this", "B=2"}
    await child.stop(1.0)


async def test_signals_that_the_interpreter_ignores_are_back_to_normal() -> None:
    out = Output()
    child = await ChildProcess.start(
        "test", ["grep", "SigIgn", "/proc/self/status"], ENV, on_data=out.take, on_end=out.end, stderr=out.stderr
    )
    await out.until(lambda: bool(out.ends))
    assert int(out.data.split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0
    await child.stop(1.0)


async def test_last_words_and_status_are_told() -> None:
    out = Output()
    child = await python(out, "import sys; print('last'); print('why', file=sys.stderr); sys.exit(7)")
    await out.until(lambda: bool(out.ends))
    assert (out.data, out.stderr.tail(1), out.ends) == (b"last\n", ["why"], ["exited with status 7"])
    assert (await child.stop(1.0)).code == 7


async def test_a_kill_is_noticed_at_once_although_a_grandchild_holds_its_stdout() -> None:
    out = Output()
    code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(p.pid, flush=True); time.sleep(600)"
    )
    child = await python(out, code)
    await out.until(lambda: out.data.endswith(b"\n"))
    grandchild = psutil.Process(int(out.data))
    os.kill(child.pid, signal.SIGKILL)
    await out.until(lambda: bool(out.ends))
    assert out.ends == ["killed by SIGKILL"]
    psutil.wait_procs([grandchild], timeout=5)
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


async def test_a_deaf_process_is_walked_down_to_kill() -> None:
    out = Output()
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True)\nwhile True: time.sleep(60)"
    )
    child = await python(out, code)
    await out.until(lambda: out.data == b"deaf\n")
    gone = await child.stop(0.1)
    assert gone.signal == "SIGKILL"


async def test_a_process_that_minds_term_is_not_killed() -> None:
    out = Output()
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "print('up', flush=True)\nwhile True: time.sleep(60)"
    )
    child = await python(out, code)
    await out.until(lambda: out.data == b"up\n")
    assert (await child.stop(0.3)).code == 5


async def test_a_stopped_process_can_be_stopped() -> None:
    out = Output()
    child = await python(out, "import time; print('up', flush=True); time.sleep(600)")
    await out.until(lambda: out.data == b"up\n")
    os.kill(child.pid, signal.SIGSTOP)
    assert (await child.stop(0.2)).signal == "SIGTERM"


async def test_a_process_that_does_not_read_is_reported_and_nobody_waits_for_it() -> None:
    out = Output()
    child = await python(out, "import time; print('up', flush=True); time.sleep(600)", write_deadline_s=0.2)
    await out.until(lambda: out.data == b"up\n")
    child.outbox.write(b"x" * 3_000_000)
    assert child.outbox.waiting_bytes > 0
    await out.until(lambda: bool(out.ends))
    assert out.ends == ["it does not read its stdin"]
    await child.stop(0.1)


async def test_closing_stdout_alone_is_the_end() -> None:
    out = Output()
    child = await python(out, "import os, time; os.close(1); time.sleep(600)")
    await out.until(lambda: bool(out.ends))
    assert out.ends == ["it closed its stdout"]
    await child.stop(0.1)


async def test_large_data_passes_both_ways() -> None:
    out = Output()
    child = await python(out, "import sys; d = sys.stdin.buffer.readline(); sys.stdout.buffer.write(d)")
    data = b"y" * 5_000_000 + b"\n"
    child.outbox.write(data)
    await out.until(lambda: bool(out.ends))
    assert out.data == data
    await child.stop(1.0)


async def test_a_flood_on_stderr_stays_within_its_ring() -> None:
    out = Output()
    child = await python(out, "import sys\nfor _ in range(200): sys.stderr.write('z' * 65536)")
    await out.until(lambda: bool(out.ends))
    assert out.stderr.total_bytes == 200 * 65536
    assert sum(map(len, out.stderr.tail(10**6))) < 300 * 1024
    await child.stop(1.0)


async def test_a_file_that_is_no_program_is_told_with_a_fix(tmp_path: object) -> None:
    bad = f"{tmp_path}/bad"
    with open(bad, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write("not a program")
    os.chmod(bad, 0o755)  # noqa: PTH101
    out = Output()
    with pytest.raises(SpawnFailed, match="Exec format error") as caught:
        await ChildProcess.start("test", [bad], ENV, on_data=out.take, on_end=out.end, stderr=out.stderr)
    assert caught.value.fix
    assert out.ends == []
    assert LIVING == {}


async def test_a_missing_working_directory_is_told() -> None:
    out = Output()
    with pytest.raises(SpawnFailed, match="/no/such/place"):
        await python(out, "pass", cwd="/no/such/place")


async def test_a_null_byte_in_the_environment_is_told() -> None:
    out = Output()
    with pytest.raises(SpawnFailed, match="null byte"):
        await python(out, "pass", {"A": "x\0y"})


async def test_a_line_process_speaks_lines() -> None:
    code = "import sys\nfor l in sys.stdin: print(l.strip()[::-1], flush=True)"
    lines = await spawn_lines([sys.executable, "-c", code], ENV)
    await lines.send(b"abc")
    assert await lines.receive() == b"cba"
    assert psutil.pid_exists(lines.pid)
    await lines.stop()
    with pytest.raises(ChildGone, match="status 0"):
        await lines.receive()


async def test_where_the_kernel_has_no_handle_for_processes_their_exit_is_noticed_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    out = Output()
    child = await python(out, "import sys; print('last'); sys.exit(7)")
    await out.until(lambda: bool(out.ends))
    assert (out.data, (await child.stop(1.0)).code) == (b"last\n", 7)


WRAPPER = """
import signal, subprocess, sys
inner = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=0)
code = inner.wait()
sys.exit(code if code >= 0 else 128 - code)
"""
POLITE = """
import os, signal, time
def bye(*_):
    print("bye", flush=True)
    os._exit(3)
signal.signal(signal.SIGTERM, bye)
print("up", flush=True)
while True: time.sleep(600)
"""


async def wrapped(output: Output, code: str) -> ChildProcess:
    """A process that only starts another one."""
    return await ChildProcess.start(
        "test",
        [sys.executable, "-c", WRAPPER, code],
        ENV,
        on_data=output.take,
        on_end=output.end,
        stderr=output.stderr,
        wrapped=True,
    )


async def test_a_term_is_for_the_wrapped_program_not_for_what_wraps_it() -> None:
    output = Output()
    process = await wrapped(output, POLITE)
    await output.until(lambda: b"up" in output.data)
    gone = await process.stop(1.0)
    assert (output.data.split(), gone.code, gone.signal) == ([b"up", b"bye"], 3, None)


async def test_a_wrapped_program_that_was_killed_is_said_to_be_killed() -> None:
    output = Output()
    process = await wrapped(output, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with anyio.fail_after(PATIENCE_S):
        await process.exited.wait()
    gone = await process.stop(0)
    assert (gone.code, gone.signal) == (None, "SIGSEGV")
