"""What a uv bundle's project files say, and what is refused of them."""

from __future__ import annotations

import pytest

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.bundles.uv_project import (
    LockedPackage,
    constraints,
    only_locked_files,
    read_lock,
    read_project,
)

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
LOCKED = {"six": LockedPackage("1.16.0", frozenset({A}))}


def test_dependencies_scripts_and_the_wanted_python_are_read() -> None:
    found = read_project(
        b'[project]\nrequires-python = ">=3.10"\n'
        b'dependencies = ["six==1.16.0", "mcp[cli]>=1; python_version > \'3\'"]\n'
        b'[project.scripts]\nsrv = "own:main"\n'
    )
    assert found.requirements == ("six==1.16.0", "mcp[cli]>=1; python_version > '3'")
    assert (found.scripts, found.requires_python) == ({"srv": "own:main"}, ">=3.10")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "[[",
        '[project]\ndependencies = "x"',
        '[project]\ndependencies = ["x @ https://e.example/x.whl"]',
        '[project]\ndependencies = ["-r other.txt"]',
        '[project]\ndependencies = ["./local"]',
        '[project]\ndependencies = ["x\\n--index-url https://e.example"]',
        '[project]\ndependencies = ["x"]\n[tool.uv.sources]\nx = {git = "https://e.example/x"}',
        '[project]\ndependencies = ["x"]\n[[tool.uv.index]]\nurl = "https://e.example"',
        '[project]\ndependencies = ["x"]\n[tool.uv]\nextra-index-url = ["https://e.example"]',
    ],
)
def test_a_project_that_wants_more_than_plain_wheels_is_refused(text: str | None) -> None:
    with pytest.raises(InstallError) as caught:
        read_project(None if text is None else text.encode())
    assert (caught.value.step, bool(caught.value.fix)) == ("manifest", True)


def lock(*entries: str) -> bytes:
    return ("version = 1\n" + "".join(f"[[package]]\n{entry}\n" for entry in entries)).encode()


SIX = (
    'name = "Six"\nversion = "1.16.0"\nsource = { registry = "https://pypi.org/simple" }\n'
    f'wheels = [{{ hash = "{A}" }}]'
)


def test_a_lock_is_read_without_the_project_itself() -> None:
    found = read_lock(lock('name = "x"\nversion = "1"\nsource = { editable = "." }', SIX))
    assert found == LOCKED
    assert constraints(found) == "six==1.16.0\n"


@pytest.mark.parametrize(
    "entry",
    [
        'name = "six"\nversion = "1"\nsource = { git = "https://e.example/x" }',
        'name = "six"\nversion = "1"\nsource = { url = "https://e.example/x.whl" }',
        'name = "six"\nversion = "1"\nsource = { path = "../x.whl" }',
        'name = "six"\nversion = "1"',
        'name = "six --index-url x"\nversion = "1"\nsource = { registry = "x" }',
        'name = "six"\nversion = "1\\n-r x"\nsource = { registry = "x" }',
        'version = "1"\nsource = { registry = "x" }',
        f"{SIX}\n[[package]]\n{SIX}",
    ],
)
def test_a_lock_with_anything_but_plain_packages_is_refused(entry: str) -> None:
    with pytest.raises(InstallError):
        read_lock(lock(entry))


def test_only_the_files_that_the_bundles_lock_names_are_installed() -> None:
    resolved = f"six==1.16.0 \\\n    --hash={A} \\\n    --hash={B}\nother==1 --hash={B}\n"
    assert only_locked_files(resolved, LOCKED) == f"six==1.16.0 --hash={A}\nother==1 --hash={B}\n"


def test_files_that_the_bundles_lock_does_not_know_are_refused() -> None:
    with pytest.raises(RefusedByPolicy, match=r"other files of six 1\.16\.0") as caught:
        only_locked_files(f"six==1.16.0 --hash={B}\n", LOCKED)
    assert caught.value.fix


@pytest.mark.parametrize(
    "text",
    [
        "six", "six==1.16.0", "six >= 1.0, < 2 ; python_version < '3.12'", "mcp[cli, ws]>=1.2,!=1.3.*", "a.b_c~=1.0",
        "six (>=1.0)", "x===1!2.0; sys_platform == 'linux' and python_full_version >= '3.10.0'",
    ],
)  # fmt: skip
def test_every_plain_spelling_of_a_dependency_is_taken(text: str) -> None:
    assert read_project(f'[project]\ndependencies = ["{text}"]'.encode()).requirements == (text,)


@pytest.mark.parametrize(
    "text",
    [
        "x; y\\r--index-url https://e.example", "x; y\\u0085-r /etc/passwd", "x\\u000b-r other.txt",
        "x --config-settings a=b", "x; python_version > '3' --hash=sha256:aa", "x\\u2028-r other.txt", "x #y",
    ],
)  # fmt: skip
def test_a_dependency_cannot_smuggle_another_line_or_an_option(text: str) -> None:
    with pytest.raises(InstallError, match="not a plain one"):
        read_project(f'[project]\ndependencies = ["{text}"]'.encode())


@pytest.mark.parametrize("text", ["package = [1]", 'package = [{name = "x", version = 1}]'])
def test_a_lock_of_strange_kinds_is_refused(text: str) -> None:
    with pytest.raises(InstallError):
        read_lock(text.encode())


def test_wheels_that_are_no_list_have_no_hashes() -> None:
    entry = 'name = "six"\nversion = "1.16.0"\nsource = { registry = "https://pypi.org/simple" }\nwheels = 5'
    assert read_lock(lock(entry)) == {"six": LockedPackage("1.16.0", frozenset())}
