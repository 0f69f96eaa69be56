"""Running a program: bounded, isolated, explained."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import pytest

from gateway.errors import InstallError
from gateway.install.runner import RUNNING, TAIL_LINES, Finished, run

pytestmark = pytest.mark.process


async def python(code: str, cwd: Path, *, timeout_s: float = 20.0, check: bool = True, **env: str) -> Finished:
    return await run("step", [sys.executable, "-I", "-c", code], cwd=cwd, env=env, timeout_s=timeout_s, check=check)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


async def gone(pid: int) -> bool:
    with anyio.move_on_after(10):
        while alive(pid):
            await anyio.sleep(0.01)
    return not alive(pid)


async def test_a_program_sees_exactly_the_given_environment_folder_and_an_empty_input(tmp_path: Path) -> None:
    code = "import os, sys; print(sorted(os.environ)); print(os.getcwd()); print(repr(sys.stdin.read()))"
    finished = await python(code, tmp_path, ONLY="1")
    names, folder, read = finished.stdout.decode().splitlines()
    assert set(eval(names)) - {"LC_CTYPE"} == {"ONLY"}
    assert (folder, read) == (str(tmp_path.resolve()), "''")


async def test_a_failure_carries_step_status_and_the_last_lines(tmp_path: Path) -> None:
    code = (
        "import sys; [print(i, file=sys.stderr) for i in range(1000)]; "
        "print('\\x1b[31mwhy', file=sys.stderr); sys.exit(7)"
    )
    with pytest.raises(InstallError) as caught:
        await python(code, tmp_path)
    assert (caught.value.step, caught.value.exit_code, len(caught.value.tail)) == ("step", 7, TAIL_LINES)
    assert caught.value.tail[-1] == "[31mwhy"


async def test_output_is_the_tail_of_a_program_that_does_not_use_stderr(tmp_path: Path) -> None:
    assert (await python("print('reason'); raise SystemExit(1)", tmp_path, check=False)).tail == ("reason",)


async def test_one_endless_line_does_not_fill_memory(tmp_path: Path) -> None:
    code = "import sys; [sys.stderr.write('x' * 100000) for _ in range(200)]; sys.exit(1)"
    finished = await python(code, tmp_path, check=False)
    assert len("".join(finished.tail)) <= 500


async def test_a_program_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}} ')\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(InstallError, match="longer than 3 s"):
        await python(code, tmp_path, timeout_s=3.0)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert [await gone(pid) for pid in pids] == [True, True]


async def test_a_cancelled_run_leaves_nothing_behind(tmp_path: Path) -> None:
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(f'{{os.getpid()}} '); time.sleep(600)"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(python, code, tmp_path)
        with anyio.fail_after(20):
            while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert await gone(int((tmp_path / "pid").read_text()))


async def test_a_grandchild_that_holds_the_pipes_does_not_hold_us(tmp_path: Path) -> None:
    sleeper = "[sys.executable, '-c', 'import time; time.sleep(600)']"
    code = f"import subprocess, sys; subprocess.Popen({sleeper}); print('done')"
    with anyio.fail_after(15):
        assert (await python(code, tmp_path)).stdout == b"done\n"


async def test_a_program_that_does_not_exist_is_an_install_error(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="cannot be started"):
        await run("step", [str(tmp_path / "nothing")], cwd=tmp_path, env={}, timeout_s=5)


async def test_a_program_is_the_leader_of_its_own_session(tmp_path: Path) -> None:
    finished = await python("import os; print(os.getsid(0) == os.getpid())", tmp_path)
    assert finished.stdout == b"True\n"


async def test_what_runs_is_known_as_ours_while_it_runs(tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(python, "import time; time.sleep(600)", tmp_path)
        with anyio.fail_after(10):
            while "step" not in RUNNING.values():
                await anyio.sleep(0.01)
        (pid,) = [pid for pid, step in RUNNING.items() if step == "step"]
        assert alive(pid)
        tasks.cancel_scope.cancel()
    assert pid not in RUNNING
