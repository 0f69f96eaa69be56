"""The same walls for a gateway that does not run as root, as it should not: tried as the user `nobody`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.supervisor.processes import landlock
from gateway.supervisor.sandbox.bubblewrap import command
from gateway.supervisor.sandbox.machine import SYSTEM, machine_places, system_links
from gateway.supervisor.sandbox.reach import Grant, Hidden, Reach

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only"),
]

NOBODY = 65534
AS_NOBODY = f"""
import os, sys
sys.path.insert(0, {str(Path(landlock.__file__).parent)!r})
import landlock, libc
libc.function("getpid")()  # loads what this user may not read any more in a moment
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
if sys.argv[1]:
    landlock.carry_out(sys.argv[1].split("|"))
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody reaches (pytest's own is closed), of which `nobody` owns a part."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    for name in ("data", "state"):
        (root / name).mkdir()
        (root / name / "file").write_text(name)
        if os.geteuid() == 0:
            os.chown(root / name, NOBODY, NOBODY)
    yield root
    shutil.rmtree(root)


def run_as_nobody(*argv: str, orders: str = "") -> str:
    """What a program says to stdout when `nobody` starts it."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", AS_NOBODY, orders, *argv],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        cwd="/",
    )
    return done.stdout + done.stderr


def attempts(folder: Path) -> str:
    """Shell code that tries four things and says which of them work."""
    return (
        f"cat {folder}/data/file >/dev/null 2>&1 && echo -n 'reads '; "
        f"(echo x > {folder}/data/new) 2>/dev/null && echo -n 'writes '; "
        f"cat {folder}/state/file >/dev/null 2>&1 && echo -n 'spies '; "
        f"kill -0 {os.getpid()} 2>/dev/null && echo -n 'kills '; id -u"
    )


def test_namespaces_need_no_root(folder: Path) -> None:
    bwrap = shutil.which("bwrap")
    assert bwrap, "bwrap is missing: install the package `bubblewrap`"
    data = str(folder / "data")
    system = [Grant(place, os.path.realpath(place)) for place in SYSTEM if Path(place).exists()]
    reach = Reach((Grant(data, data, write=True), *system), (Hidden(str(folder / "state")),), data, data)
    words = command(
        bwrap,
        reach,
        system_links(),
        ["/bin/sh", "-c", attempts(folder)],
        namespaces=("ipc", "net"),
        machine=machine_places(),
    )
    assert run_as_nobody(*words) == f"reads writes {NOBODY if os.geteuid() == 0 else os.geteuid()}\n"


def test_landlock_needs_no_root(folder: Path) -> None:
    reads = [f"read={os.path.realpath(place)}" for place in (*SYSTEM, "/proc") if Path(place).exists()]
    orders = "|".join(["", *reads, f"write={folder}/data", "devices=/dev/null"])
    said = run_as_nobody("/bin/sh", "-c", attempts(folder), orders=orders)
    assert said == f"reads writes {NOBODY if os.geteuid() == 0 else os.geteuid()}\n"


def test_without_either_a_user_reads_what_is_its_own(folder: Path) -> None:
    assert run_as_nobody("/bin/sh", "-c", attempts(folder)).startswith("reads writes spies ")
