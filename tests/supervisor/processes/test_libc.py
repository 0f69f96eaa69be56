"""Functions of the C library without `ctypes`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.supervisor.processes import libc

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


def test_a_function_gives_its_result() -> None:
    assert libc.function("getpid")() == os.getpid()


def test_a_failure_is_an_error_with_its_number() -> None:
    with pytest.raises(OSError, match="Invalid argument") as caught:
        libc.function("prctl")(-1, 0, 0, 0, 0)
    assert caught.value.errno == libc.EINVAL


def test_bytes_are_passed_as_a_pointer_to_them() -> None:
    assert libc.function("strlen")(b"four") == 4


@pytest.mark.process
def test_privileges_are_given_up_by_the_process_that_asks() -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(libc.__file__).parent)!r})
import libc
libc.no_new_privileges()
"""
    found = [
        subprocess.run(
            [sys.executable, "-I", "-c", f"{text}\nprint(open('/proc/self/status').read())"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for text in (code, "")
    ]
    ours = "NoNewPrivs:\t1" in Path("/proc/self/status").read_text()
    assert ["NoNewPrivs:\t1" in text for text in found] == [True, ours]
