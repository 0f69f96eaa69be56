"""npm packages for real: our own lock, no scripts, pinned, started by node."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gateway.errors import InstallError, NotFound, RefusedByPolicy
from gateway.install.packages.npm import find_program, npm_error
from tests.fakes import FakeClock
from tests.install.site import workshop
from tests.install.speaking import speak

network = [pytest.mark.process, pytest.mark.network, pytest.mark.timeout(300)]
MEMORY = "@modelcontextprotocol/server-memory"


def marked(*marks: pytest.MarkDecorator):
    def apply(test):
        for mark in marks:
            test = mark(test)
        return test

    return apply


@marked(*network)
async def test_a_real_package_is_installed_from_our_own_lock_and_answers(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"npm:{MEMORY}@2026.7.4", "memory")
        assert shop.steps == ["versions", "lock", "install", "keep"]
        shop.told.clear()
        again = await shop.install(f"npm:{MEMORY}@2026.7.4", "memory-two")
        assert shop.steps == ["reuse"]
    content = tmp_path / "state/content" / (result.files or "")
    assert json.loads((content / "package-lock.json").read_bytes())["lockfileVersion"] >= 3
    assert (result.version, result.spec.from_) == ("2026.7.4", f"npm:{MEMORY}@2026.7.4")
    assert (again.files, again.spec.launch.env["HOME"]) == (result.files, str(tmp_path / "state/data/memory-two"))  # type: ignore[union-attr]
    initialized, listed = speak(result.spec.launch)
    assert initialized["serverInfo"]["name"]
    assert "create_entities" in {tool["name"] for tool in listed["tools"]}


@marked(*network)
async def test_the_newest_version_that_is_old_enough_is_chosen_and_pinned(tmp_path: Path) -> None:
    # Some days after 2026.7.4 came out: that one is too fresh, 2026.1.26 is not.
    clock = FakeClock(wall=1_783_814_400.0)
    async with workshop(tmp_path / "state", clock=clock) as shop:
        result = await shop.install(f"npm:{MEMORY}", "memory")
    assert (result.version, result.spec.from_) == ("2026.1.26", f"npm:{MEMORY}@2026.1.26")
    assert result.from_ref == f"npm:{MEMORY}"


@marked(*network)
async def test_a_version_within_its_cooldown_is_refused_and_the_exception_recorded(tmp_path: Path) -> None:
    clock = FakeClock(wall=1_783_814_400.0)
    async with workshop(tmp_path / "state", clock=clock) as shop:
        with pytest.raises(RefusedByPolicy, match="the cool-down"):
            await shop.install(f"npm:{MEMORY}@2026.7.4", "memory")
        plan = shop.plan(f"npm:{MEMORY}@2026.7.4", "memory")
    assert plan.before == "2026-07-05T00:00:00Z"
    assert not (tmp_path / "state/servers/memory").exists()


@marked(*network)
@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("npm:@modelcontextprotocol/no-such-thing-at-all", "knows no package"),
        (f"npm:{MEMORY}@99.99.99", "has no version"),
    ],
)
async def test_what_does_not_exist_is_told(tmp_path: Path, reference: str, says: str) -> None:
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(NotFound, match=says):
            await shop.install(reference)


@marked(*network)
async def test_an_installed_server_starts_and_is_installed_again_without_any_network(tmp_path: Path) -> None:
    dead = "http://127.0.0.1:9"
    async with workshop(tmp_path / "state") as shop:
        await shop.install(f"npm:{MEMORY}@2026.7.4", "memory")
    offline = {"PATH": os.environ["PATH"], "HTTPS_PROXY": dead, "npm_config_registry": dead}
    async with workshop(tmp_path / "state", environ=offline) as shop:
        result = await shop.install(f"npm:{MEMORY}@2026.7.4", "memory")
        with pytest.raises(InstallError, match="npm could not say"):
            await shop.install(f"npm:{MEMORY}@2026.1.26", "memory")
    launch = result.spec.launch
    assert not {"HTTPS_PROXY", "npm_config_registry"} & set(launch.env)  # type: ignore[union-attr]
    assert speak(launch)[0]["serverInfo"]["name"]


def package(root: Path, described: object, files: tuple[str, ...] = ("dist/index.js",), content: str = "") -> Path:
    folder = root / "node_modules/@acme/x"
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "package.json").write_text(json.dumps(described))
    return root


@pytest.mark.parametrize(
    "bins",
    [
        "dist/index.js",
        "./dist/index.js",
        {"x": "dist/index.js", "other": "o.js"},
        {"any": "dist/index.js"},
        {"a": "dist/index.js", "b": "dist/index.js"},
    ],
)
def test_the_program_of_a_package_is_found(tmp_path: Path, bins: object) -> None:
    assert find_program(package(tmp_path, {"bin": bins}), "@acme/x") == "node_modules/@acme/x/dist/index.js"


def test_a_program_without_a_suffix_is_known_by_its_first_line(tmp_path: Path) -> None:
    root = package(tmp_path, {"bin": "cli"}, ("cli",), "#!/usr/bin/env node\n")
    assert find_program(root, "@acme/x") == "node_modules/@acme/x/cli"


@pytest.mark.parametrize(
    ("described", "says"),
    [
        ({}, "no program to start"),
        ({"bin": {}}, "no program to start"),
        ({"bin": {"a": "a.js", "b": "b.js"}}, "several programs: a, b"),
        ({"bin": "missing.js"}, "is missing"),
        ({"bin": "../../../outside.js"}, "is missing"),
        ({"bin": "/etc/passwd"}, "is missing"),
        ({"bin": "run.sh"}, "not JavaScript"),
        ([], "no program to start"),
    ],
)
def test_a_package_without_a_usable_program_is_refused(tmp_path: Path, described: object, says: str) -> None:
    (tmp_path / "outside.js").touch()
    with pytest.raises(InstallError, match=says):
        find_program(package(tmp_path, described, ("run.sh",), "#!/bin/sh\n"), "@acme/x")


def test_a_program_that_is_a_link_out_of_its_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.js").touch()
    root = package(tmp_path, {"bin": "link.js"}, ())
    (root / "node_modules/@acme/x/link.js").symlink_to(tmp_path / "outside.js")
    with pytest.raises(InstallError, match="lies outside"):
        find_program(root, "@acme/x")


def test_npms_own_words_are_read_from_its_json_only() -> None:
    told = b'{"error": {"code": "ETARGET", "summary": "No\\u001b[31m match"}}'
    assert npm_error(told) == (
        "ETARGET",
        "No [31m match",
    )
    assert npm_error(b"npm error code ETARGET") == ("", "")
    assert npm_error(b'{"error": "x"}') == ("", "")
