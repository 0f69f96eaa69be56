"""How a bundle is started, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.bundles.launch import bundle_launch, inside, option_values
from gateway.install.bundles.manifest import Manifest, Option
from gateway.install.bundles.substitution import Values, bundle_variables
from gateway.install.bundles.uv_project import Project
from gateway.install.planning.machine import Machine, Program
from gateway.install.planning.settings import SettingsError
from gateway.model import StdioLaunch
from tests.install.values import MACHINE

BASE = {"PATH": "/usr/bin:/bin", "HOME": "/d", "LANG": "C.UTF-8", "TMPDIR": "/d/tmp"}


VARIABLES = bundle_variables("/c/files", "/d")


def launch(manifest: Manifest, options: dict[str, Any] | None = None, project: Project | None = None) -> StdioLaunch:
    values = Values(VARIABLES, options or {}, ("unset",))
    return bundle_launch(manifest, values, MACHINE, content="/c", data="/d", project=project)


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
        {"PYTHONPATH": "${__dirname}/../evil"},
        {"PYTHONPATH": "${__dirname}evil"},
        {"PYTHONPATH": "${__dirname}:"},
        {"NODE_PATH": "${HOME}/evil"},
        {"LD_LIBRARY_PATH": "/evil"},
        {"PYTHONSTARTUP": "${__dirname}/x.py"},
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


@pytest.mark.parametrize("name", ["PYTHONPATH", "NODE_PATH", "LD_LIBRARY_PATH"])
def test_libraries_are_looked_for_inside_the_bundle_only(name: str) -> None:
    manifest = Manifest("x", "1", "node", "i.js", "node", env={name: "${__dirname}/lib:server/lib"})
    assert launch(manifest).env[name] == "/c/files/lib:server/lib"


def test_a_variable_or_argument_that_names_an_option_nobody_set_is_left_out() -> None:
    manifest = Manifest(
        "x", "1", "node", "i.js", "node",
        args=("${__dirname}/i.js", "--units=${user_config.unset}"), env={"K": "${user_config.unset}", "Z": "1"},
    )  # fmt: skip
    found = launch(manifest)
    assert (found.argv, found.env) == (("/usr/bin/node", "/c/files/i.js"), {**BASE, "Z": "1"})


def test_a_secret_on_the_command_line_is_refused_with_its_title() -> None:
    options = {"k": Option("k", title="API key", sensitive=True)}
    manifest = Manifest("x", "1", "node", "i.js", "node", args=("--key=${user_config.k}",), options=options)
    with pytest.raises(RefusedByPolicy, match="secret 'API key' on its command line") as caught:
        launch(manifest, {"k": "${secret:k}"})
    assert caught.value.fix
    with pytest.raises(RefusedByPolicy, match="secret on its command line"):
        launch(Manifest("x", "1", "node", "i.js", "node", args=("${user_config.k}",)), {"k": "${secret:k}"})


@pytest.mark.parametrize(
    ("args", "argv", "cwd"),
    [
        ((), ("/c/files/src/s.py",), "/c/files"),
        (("run", "--directory", "${__dirname}", "src/s.py", "--fast"), ("/c/files/src/s.py", "--fast"), "/c/files"),
        (("run", "--directory=${__dirname}/src", "s.py"), ("/c/files/src/s.py",), "/c/files/src"),
        (("--directory", "${__dirname}", "run", "--frozen", "${__dirname}/x.py"), ("/c/files/x.py",), "/c/files"),
        (("run", "python", "-m", "srv", "a"), ("-m", "srv", "a"), "/c/files"),
        (("run", "-m", "srv", "a"), ("-m", "srv", "a"), "/c/files"),
        (("run", "python", "src/s.py"), ("/c/files/src/s.py",), "/c/files"),
        (("run", "--", "src/s.py"), ("/c/files/src/s.py",), "/c/files"),
        (("run", "brought", "a"), ("/c/venv/bin/brought", "a"), "/c/files"),
        (
            ("run", "srv", "a"),
            ("-c", "import sys; from srv.main import app; sys.argv[0] = 'srv'; sys.exit(app.run())", "a"),
            "/c/files",
        ),
    ],
)
def test_what_uv_would_run_is_started_directly_in_the_environment_made_for_it(
    args: tuple[str, ...], argv: tuple[str, ...], cwd: str
) -> None:
    project = Project(scripts={"srv": "srv.main:app.run"})
    found = launch(Manifest("x", "1", "uv", "src/s.py", "uv", args=args), project=project)
    assert (found.argv, found.cwd) == (("/c/venv/bin/python", *argv), cwd)


def test_a_uv_bundle_may_leave_the_command_to_us_or_name_python() -> None:
    assert launch(Manifest("x", "1", "uv", "s.py", "")).argv == ("/c/venv/bin/python", "/c/files/s.py")
    assert launch(Manifest("x", "1", "uv", "s.py", "python")).argv == ("/c/venv/bin/python", "/c/files/s.py")


@pytest.mark.parametrize(
    "args",
    [
        ("run", "--with", "evil", "s.py"),
        ("run", "--index", "https://evil.example", "s.py"),
        ("pip", "install", "evil"),
        ("tool", "run", "evil"),
        ("run", "--script", "s.py"),
        ("run", "--directory", "/etc", "s.py"),
        ("run", "--directory", "..", "s.py"),
        ("run", "../s.py"),
        ("run", "/etc/s.py"),
        ("run", "bad"),
        ("run", "a;b"),
    ],
)
def test_what_uv_would_fetch_or_find_elsewhere_is_refused(args: tuple[str, ...]) -> None:
    project = Project(scripts={"bad": "os:system('x')"})
    with pytest.raises(InstallError) as caught:
        launch(Manifest("x", "1", "uv", "src/s.py", "uv", args=args), project=project)
    assert caught.value.fix


@pytest.mark.parametrize("relative", ["", "..", "../x", "a/../../x", "/etc/passwd"])
def test_a_path_outside_the_bundle_is_refused(relative: str) -> None:
    with pytest.raises(InstallError):
        inside("/c/files", relative)


def test_a_manifest_without_options_takes_what_the_listing_asked_for() -> None:
    manifest = Manifest("x", "1", "node", "i.js", "node")
    found = option_values(manifest, {"a": {"b": 1}}, ["k"], ["a", "k"], VARIABLES)
    assert (found.options, set(found.declared)) == ({"a.b": 1, "k": "${secret:k}"}, {"a.b", "a", "k"})


def test_a_stale_key_of_the_listings_schema_is_dropped_and_a_mistyped_one_is_not() -> None:
    manifest = Manifest("x", "1", "node", "i.js", "node", options={"a": Option("a")})
    assert option_values(manifest, {"a": "1", "old": "2"}, [], ["a", "old"], VARIABLES).options == {"a": "1"}
    with pytest.raises(SettingsError):
        option_values(manifest, {"a": "1", "typo": "2"}, [], ["a", "old"], VARIABLES)


WITH_BUN = replace(MACHINE, bun=Program("/usr/bin/bun", (1, 4, 5)))


def bun(machine: Machine, *args: str) -> tuple[str, ...]:
    manifest = Manifest("x", "1", "node", "i.js", "bun", args=args)
    return bundle_launch(manifest, Values(VARIABLES, {}, ()), machine, content="/c", data="/d").argv


@pytest.mark.parametrize("args", [("run", "${__dirname}/i.js", "--fast"), ("${__dirname}/i.js", "--fast")])
def test_a_bundle_for_bun_is_run_by_bun_which_fetches_nothing(args: tuple[str, ...]) -> None:
    assert bun(WITH_BUN, *args) == ("/usr/bin/bun", "--no-install", "/c/files/i.js", "--fast")
    assert bun(WITH_BUN) == ("/usr/bin/bun", "--no-install", "/c/files/i.js")


@pytest.mark.parametrize("args", [("run",), ("--eval", "1"), ("/etc/x.js",), ("run", "../x.js"), ("run", "-e")])
def test_bun_is_not_let_to_run_anything_but_a_file_of_the_bundle(args: tuple[str, ...]) -> None:
    with pytest.raises((RefusedByPolicy, InstallError), match="bun"):
        bun(WITH_BUN, *args)


def test_a_command_of_bun_is_taken_for_the_name_of_a_file() -> None:
    assert bun(WITH_BUN, "x", "some-package") == ("/usr/bin/bun", "--no-install", "/c/files/x", "some-package")


def test_a_bundle_for_bun_without_bun_says_so() -> None:
    with pytest.raises(RefusedByPolicy, match="'bun', which is not installed here"):
        bun(MACHINE, "${__dirname}/i.js")
