"""Finding the program that a command means."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gateway.errors import SpawnFailed
from gateway.supervisor.processes.program import find_program


def test_a_name_is_looked_up_in_the_childs_own_path(tmp_path: Path) -> None:
    program = tmp_path / "prog"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_program("s", ["prog"], {"PATH": str(tmp_path)}, None) == str(program)


def test_a_path_is_taken_from_the_working_directory(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "prog"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_program("s", ["bin/prog"], {}, str(tmp_path)) == str(program)
    assert find_program("s", [sys.executable], {}, None) == sys.executable


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "empty command"),
        ([""], "empty command"),
        (["no-such-program"], "not installed"),
        (["/no/such"], "does not exist"),
    ],
)
def test_what_cannot_be_run_is_said_with_a_fix(argv: list[str], said: str) -> None:
    with pytest.raises(SpawnFailed, match=said) as caught:
        find_program("s", argv, {"PATH": "/nowhere"}, None)
    assert caught.value.fix


def test_a_file_that_is_not_executable_is_said(tmp_path: Path) -> None:
    (tmp_path / "prog").write_text("")
    with pytest.raises(SpawnFailed, match="not executable"):
        find_program("s", ["./prog"], {}, str(tmp_path))
