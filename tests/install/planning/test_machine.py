"""What a machine lacks, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.install.planning.machine import FIXES, Program
from tests.install.values import BARE, MACHINE


def test_a_whole_machine_lacks_nothing() -> None:
    asked = (MACHINE.missing_node, MACHINE.missing_npm, MACHINE.missing_python, MACHINE.missing_uv)
    assert [missing() for missing in asked] == [None] * 4


def test_a_bare_machine_says_what_is_missing() -> None:
    assert [BARE.missing_node() is None, BARE.missing_npm() is None, BARE.missing_uv() is None] == [False] * 3


def test_an_old_node_is_named_with_its_version() -> None:
    old = replace(MACHINE, node=Program("/usr/bin/node", (18, 1, 0)))
    assert "this machine has 18.1.0" in (old.missing_npm() or "")


def test_node_without_npm_runs_servers_but_installs_none() -> None:
    machine = replace(MACHINE, npm=None)
    assert (machine.missing_node(), "npm" in (machine.missing_npm() or "")) == (None, True)


@pytest.mark.parametrize("program", ["node", "npm", "python", "uv", "git", "bun", "docker"])
def test_every_program_can_be_asked_for_by_name_and_has_a_fix(program: str) -> None:
    assert program in BARE.programs()
    assert (BARE.missing(program) is not None, bool(FIXES[program])) == (True, True)


def test_an_unknown_program_is_never_missed() -> None:
    assert BARE.missing("cobol") is None


def test_a_docker_client_alone_is_not_enough() -> None:
    client = replace(MACHINE, docker=Program("/usr/bin/docker", (28, 2, 2)))
    assert "engine, which does not answer" in (client.missing_docker() or "")
    assert replace(client, docker_engine="28.1.0").missing_docker() is None
