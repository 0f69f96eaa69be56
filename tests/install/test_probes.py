"""Looking around on a real machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gateway.install.probes import probe_machine

pytestmark = pytest.mark.process


def program(folder: Path, name: str, says: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)


async def test_programs_on_the_path_are_asked_for_their_versions(tmp_path: Path) -> None:
    program(tmp_path, "node", "echo v22.3.4")
    program(tmp_path, "npm", "echo 11.0.1")
    machine = await probe_machine({"PATH": f"{tmp_path}:/usr/bin:/bin", "LANG": "de_DE.UTF-8"})
    assert machine.node is not None
    assert (machine.node.path, machine.node.version) == (str(tmp_path / "node"), (22, 3, 4))
    assert machine.npm is not None
    assert (machine.npm.shown, machine.lang, machine.platform) == ("11.0.1", "de_DE.UTF-8", sys.platform)


@pytest.mark.parametrize("says", ["exit 3", "echo nothing useful", "kill -9 $$"])
async def test_a_program_that_does_not_answer_is_missing(tmp_path: Path, says: str) -> None:
    program(tmp_path, "node", says)
    machine = await probe_machine({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert machine.node is None


async def test_python_is_the_one_below_our_virtual_environment_and_uv_comes_with_us(tmp_path: Path) -> None:
    machine = await probe_machine({"PATH": str(tmp_path)})
    assert machine.python is not None
    assert machine.python.version == sys.version_info[:3]
    assert not machine.python.path.startswith(sys.prefix + os.sep) or sys.prefix == sys.base_prefix
    assert machine.uv is not None
    assert machine.node is None
