"""Landlock as the new process applies it to itself, before it becomes a program."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from gateway.supervisor.processes import landlock
from gateway.supervisor.processes.orders import Landlock, Orders, words
from tests.supervisor.processes.test_exec_child import run

pytestmark = [pytest.mark.process, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")]

SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/proc")


def shell(code: str, *, system: tuple[str, ...] = SYSTEM, **may: tuple[str, ...] | bool) -> tuple[int, bytes, bytes]:
    """Run shell code with the system to read and what is said."""
    reads = may.pop("read", ())
    assert isinstance(reads, tuple)
    real = tuple(os.path.realpath(path) for path in (*system, *reads) if Path(path).exists())
    orders = Orders(landlock=Landlock(read=real, **may))  # type: ignore[arg-type]
    return run("/bin/sh", "sh", "-c", code, orders=words(orders))


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_the_kernel_of_the_tests_knows_landlock() -> None:
    assert landlock.version() >= 1


def test_what_is_given_can_be_read_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    for name in ("given/file", "other"):
        (tmp_path / name).write_text(name)
    code = f"cat {tmp_path}/given/file; cat {tmp_path}/other 2>/dev/null || echo ' denied'"
    _, out, _ = shell(code, read=(str(tmp_path / "given"),), devices=("/dev/null",))
    assert out == b"given/file denied\n"


def test_what_is_given_to_read_cannot_be_changed_in_any_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("whole")
    attempts = [
        ": >> file",
        ": > new",
        "rm file",
        "mv file moved",
        "mkdir folder",
        "ln -s file link",
        "truncate -s 0 file",
    ]
    code = f"cd {tmp_path}; " + "; ".join(f"({attempt}) 2>/dev/null && echo '{attempt}'" for attempt in attempts)
    _, out, _ = shell(code, read=(str(tmp_path),), devices=("/dev/null",))
    assert (out, names(tmp_path), (tmp_path / "file").read_text()) == (b"", ["file"], "whole")


def test_what_is_given_to_change_can_be_changed(tmp_path: Path) -> None:
    code = f"cd {tmp_path}; mkdir a && echo x > a/b && mv a/b c && ln -s c link && rm link && rmdir a && cat c"
    _, out, _ = shell(code, write=(str(tmp_path),))
    assert (out, names(tmp_path)) == (b"x\n", ["c"])


def test_a_single_file_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code = f"echo x > {tmp_path}/file; echo x > {tmp_path}/other"
    shell(code, write=(str(tmp_path / "file"),))
    assert (names(tmp_path), (tmp_path / "file").read_text()) == (["file"], "x\n")


def test_a_path_that_is_gone_or_has_become_a_link_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    given = (str(tmp_path / "link"), str(tmp_path / "gone"))
    orders = words(Orders(landlock=Landlock(read=(*map(os.path.realpath, SYSTEM), *given))))
    status, out, told = run("/bin/sh", "sh", "-c", f"cat {tmp_path}/secret", orders=orders)
    assert (status != 0, out, told) == (True, b"", b"")


def test_the_powers_of_root_are_gone_for_good() -> None:
    _, out, _ = shell("grep -E 'Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status")
    numbers = {line.split(b":")[0]: int(line.split()[1], 16) for line in out.splitlines()}
    assert numbers.pop(b"NoNewPrivs") == 1
    if os.geteuid() == 0:
        assert set(numbers.values()) == {0}


def test_nobody_outside_is_signalled_or_read() -> None:
    code = f"kill -0 {os.getpid()} 2>/dev/null && echo killed; cat /proc/{os.getpid()}/environ 2>/dev/null && echo read"
    _, out, _ = shell(code, devices=("/dev/null",))
    assert out == b""
    assert landlock.version() >= landlock.SCOPES_SINCE, "this test needs a kernel of 6.12 or newer"


def test_only_scopes_leave_the_files_open_and_the_powers_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("open")
    orders = words(Orders(landlock=Landlock(files=False)))
    code = f"cat {tmp_path}/file; kill -0 {os.getpid()} 2>/dev/null || echo ' scoped'; grep CapEff /proc/self/status"
    _, out, told = run("/bin/sh", "sh", "-c", code, orders=orders)
    assert (out.splitlines()[0], told) == (b"open scoped", b"")
    ours = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
    assert out.decode().splitlines()[1] == ours


def test_tcp_can_be_taken_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = (
            "import socket, sys\n"
            f"try: socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}), 5)\n"
            "except OSError as exc: print(exc.errno)\n"
            "else: print('connected')\n"
        )
        base = (sys.prefix, sys.base_prefix)
        found = []
        for tcp in (True, False):
            real = tuple(os.path.realpath(path) for path in (*SYSTEM, *base) if Path(path).exists())
            orders = words(Orders(landlock=Landlock(read=real, tcp=tcp)))
            _, out, _ = run(sys.executable, sys.executable, "-c", code, orders=orders)
            found.append(out.strip())
    assert found == [b"connected", b"13" if landlock.version() >= landlock.TCP_SINCE else b"connected"]


def test_a_program_out_of_reach_is_not_started() -> None:
    orders = words(Orders(landlock=Landlock(read=("/proc",))))
    status, _, told = run("/bin/sh", "sh", "-c", "true", orders=orders)
    assert (status, told) == (127, b"exec 13")
