"""Looking around on a real machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anyio
import pytest

from gateway.install.probes import ENGINE_TIMEOUT_S, probe_machine

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


def docker(folder: Path, answers: str) -> None:
    """A client that prints its version, and answers the question for its engine like this."""
    program(
        folder, "docker", f'if [ "$1" = --version ]; then echo "Docker version 28.2.2, build x"; exit; fi; {answers}'
    )


@pytest.mark.parametrize(
    ("answers", "engine"),
    [
        ("""echo '{"Client":{"Version":"28.2.2"},"Server":{"Version":"28.1.0"}}'""", "28.1.0"),
        ("""echo '{"Client":{"Version":"28.2.2"},"Server":null}'; echo 'Cannot connect' >&2; exit 1""", None),
        ("echo 'Cannot connect' >&2; exit 1", None),
        ("echo '[]'", None),
    ],
)
async def test_a_docker_client_is_asked_for_its_engine(tmp_path: Path, answers: str, engine: str | None) -> None:
    docker(tmp_path, answers)
    machine = await probe_machine({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert machine.docker is not None
    assert (machine.docker.version, machine.docker_engine) == ((28, 2, 2), engine)


async def test_an_engine_that_hangs_is_given_up_in_time_and_its_client_is_found(tmp_path: Path) -> None:
    docker(tmp_path, "exec sleep 600")
    with anyio.fail_after(ENGINE_TIMEOUT_S + 15):
        machine = await probe_machine({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (machine.docker is not None, machine.docker_engine) == (True, None)


async def test_the_engine_is_asked_where_the_operator_says_it_is(tmp_path: Path) -> None:
    docker(tmp_path, """echo '{"Server":{"Version":"'"$DOCKER_HOST"'"}}'""")
    machine = await probe_machine({"PATH": f"{tmp_path}:/usr/bin:/bin", "DOCKER_HOST": "tcp://engine:2375"})
    assert machine.docker_engine == "tcp://engine:2375"


async def test_bun_is_found_on_the_path(tmp_path: Path) -> None:
    program(tmp_path, "bun", "echo 1.4.5")
    machine = await probe_machine({"PATH": str(tmp_path)})
    assert machine.bun is not None
    assert machine.bun.shown == "1.4.5"
