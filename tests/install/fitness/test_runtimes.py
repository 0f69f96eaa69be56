"""Runtimes: here, new enough, inside the range."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.install.bundles.manifest import Manifest
from gateway.install.fitness.runtimes import manifest_checks, runtime_check, version_check
from gateway.install.fitness.verdict import State
from gateway.install.planning.machine import Machine, Program
from tests.install.values import BARE, MACHINE

CLIENT = replace(MACHINE, docker=Program("/usr/bin/docker", (28, 2, 2)))
WHOLE = replace(CLIENT, docker_engine="28.1.0", bun=Program("/usr/bin/bun", (1, 2, 0)))


@pytest.mark.parametrize("runtime", ["node", "npm", "python", "uv", "git", "bun", "docker"])
def test_each_runtime_is_found_on_a_whole_machine_and_missed_with_its_fix_on_a_bare_one(runtime: str) -> None:
    assert runtime_check(runtime, WHOLE).state is State.OK
    missing = runtime_check(runtime, BARE)
    assert (missing.state, bool(missing.fix)) == (State.FAILED, True)


def test_a_client_without_its_engine_runs_nothing_and_says_so() -> None:
    check = runtime_check("docker", CLIENT)
    assert check.state is State.FAILED
    assert "engine, which does not answer (only the client 28.2.2 is here)" in check.message
    assert "start its engine" in check.fix


def test_the_program_to_blame_is_the_one_to_install() -> None:
    assert runtime_check("npm", BARE).fix.startswith("Install Node.js")
    assert runtime_check("npm", replace(MACHINE, npm=None)).fix.startswith("Install npm")


@pytest.mark.parametrize(
    ("runtime", "wanted", "state"),
    [
        ("node", ">=18 <23", State.OK),
        ("node", "^18 || ^22", State.OK),
        ("node", "18", State.OK),  # a bare number means at least that
        ("node", ">=99", State.FAILED),
        ("node", "whatever", State.UNKNOWN),
        ("python", ">=3.10,<4", State.OK),
        ("python3", "~=3.11.0", State.FAILED),
        ("ruby", ">=3", State.UNKNOWN),
    ],
)
def test_a_range_is_judged_against_what_is_here(runtime: str, wanted: str, state: State) -> None:
    assert version_check(runtime, wanted, MACHINE).state is state


def test_a_version_outside_names_both_and_the_fix() -> None:
    check = version_check("node", ">=99", MACHINE)
    assert check.message == "needs Node.js >=99, this machine has 22.1.0"
    assert "Install Node.js >=99" in check.fix


@pytest.mark.parametrize(
    ("manifest", "machine", "states"),
    [
        (Manifest("x", "1", "node", "i.js", "node", platforms=("linux",)), MACHINE, ["ok", "ok"]),
        (Manifest("x", "1", "binary", "run", ""), BARE, ["ok"]),
        (Manifest("x", "1", "uv", "m.py", "uv", platforms=("win32",)), BARE, ["failed", "failed"]),
        (Manifest("x", "1", "node", "i.js", "node", runtimes={"node": ">=99"}), MACHINE, ["ok", "ok", "failed"]),
    ],
)
def test_a_manifest_is_judged_by_platform_runtime_and_versions(
    manifest: Manifest, machine: Machine, states: list[str]
) -> None:
    assert [check.state.value for check in manifest_checks(manifest, machine)] == states
