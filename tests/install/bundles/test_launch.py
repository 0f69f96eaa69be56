"""How a bundle is started, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.bundles.launch import bundle_launch, inside, option_values
from gateway.install.bundles.manifest import Manifest, Option
from gateway.install.planning.settings import SettingsError
from gateway.model import StdioLaunch
from tests.install.values import MACHINE

BASE = {"PATH": "/usr/bin:/bin", "HOME": "/d", "LANG": "C.UTF-8", "TMPDIR": "/d/tmp"}


def launch(manifest: Manifest, options: dict[str, Any] | None = None) -> StdioLaunch:
    return bundle_launch(manifest, options or {}, MACHINE, files="/c/files", content="/c", data="/d")


def test_a_node_bundle_is_started_by_this_machines_node_in_its_own_folder() -> None:
    manifest = Manifest(
        "x",
        "1",
        "node",
        "i.js",
        "node",
        args=("${__dirname}/i.js", "${user_config.dirs}"),
        env={"K": "${user_config.k}"},
    )
    found = launch(manifest, {"dirs": ["/a", "/b"], "k": "${secret:k}"})
    assert found == StdioLaunch(
        ("/usr/bin/node", "/c/files/i.js", "/a", "/b"), {**BASE, "K": "${secret:k}"}, "/c/files"
    )


def test_a_bundle_without_arguments_starts_its_entry_point() -> None:
    assert launch(Manifest("x", "1", "python", "m.py", "")).argv == ("/usr/bin/python3", "/c/files/m.py")


def test_a_python_bundle_may_find_its_own_libraries() -> None:
    manifest = Manifest("x", "1", "python", "m.py", "python3", env={"PYTHONPATH": "${__dirname}/lib:${__dirname}/src"})
    assert launch(manifest).env["PYTHONPATH"] == "/c/files/lib:/c/files/src"


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONPATH": "/evil"},
        {"PYTHONPATH": "${__dirname}/lib:/evil"},
        {"LD_PRELOAD": "x"},
        {"NODE_OPTIONS": "x"},
        {"PATH": "x"},
    ],
)
def test_variables_that_change_what_runs_are_refused(env: dict[str, str]) -> None:
    with pytest.raises(RefusedByPolicy, match="refused"):
        launch(Manifest("x", "1", "node", "i.js", "node", env=env))


def test_a_binary_bundle_starts_its_program() -> None:
    assert launch(Manifest("x", "1", "binary", "bin/x", "${__dirname}/bin/x")).argv == ("/c/files/bin/x",)
    assert launch(Manifest("x", "1", "binary", "bin/x", "")).argv == ("/c/files/bin/x",)
    assert launch(Manifest("x", "1", "binary", "bin/x", "bin/x")).argv == ("/c/files/bin/x",)


@pytest.mark.parametrize(
    "command", ["npx", "uvx", "sh", "bash", "docker", "/bin/sh", "curl", "node.exe", "/usr/bin/node"]
)
def test_programs_outside_the_bundle_are_refused(command: str) -> None:
    with pytest.raises(RefusedByPolicy, match="wants to be started by"):
        launch(Manifest("x", "1", "node", "i.js", command))


@pytest.mark.parametrize("command", ["${__dirname}/../x", "${__dirname}", "${__dirname}/a/../../x", "../x", "/bin/sh"])
def test_a_binary_cannot_climb_out_of_the_bundle(command: str) -> None:
    with pytest.raises(InstallError, match="not inside the bundle"):
        launch(Manifest("x", "1", "binary", "bin/x", command))


def test_a_uv_bundle_runs_its_entry_point_in_the_environment_made_for_it() -> None:
    manifest = Manifest(
        "x", "1", "uv", "src/s.py", "uv", args=("run", "--directory", "${__dirname}", "src/s.py", "--fast")
    )
    assert launch(manifest).argv == ("/c/venv/bin/python", "/c/files/src/s.py", "--fast")


@pytest.mark.parametrize("relative", ["", "..", "../x", "a/../../x", "/etc/passwd"])
def test_a_path_outside_the_bundle_is_refused(relative: str) -> None:
    with pytest.raises(InstallError):
        inside("/c/files", relative)


def test_a_manifest_without_options_takes_what_the_listing_asked_for() -> None:
    manifest = Manifest("x", "1", "node", "i.js", "node")
    assert option_values(manifest, {"a": {"b": 1}}, ["k"], ["a", "k"]) == {"a.b": 1, "k": "${secret:k}"}


def test_a_stale_key_of_the_listings_schema_is_dropped_and_a_mistyped_one_is_not() -> None:
    manifest = Manifest("x", "1", "node", "i.js", "node", options={"a": Option("a")})
    assert option_values(manifest, {"a": "1", "old": "2"}, [], ["a", "old"]) == {"a": "1"}
    with pytest.raises(SettingsError):
        option_values(manifest, {"a": "1", "typo": "2"}, [], ["a", "old"])
