"""The environments of uv bundles: what they are known by, and what is made beside the unpacked files."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.errors import InstallError
from gateway.install.build import Site
from gateway.install.bundles.environment import environment_reference, make_uv_environment
from gateway.install.bundles.manifest import Manifest
from gateway.install.bundles.uv_project import Project
from gateway.install.packages import commands
from gateway.install.planning.machine import Machine, Program
from tests.install.site import workshop
from tests.install.values import MACHINE


class NoNetwork:
    """Nothing is downloaded by us."""

    async def fetch(self, url: str, **_: object) -> str:
        raise AssertionError(url)


def site(folder: Path, machine: Machine) -> Site:
    return Site(
        store=None,  # type: ignore[arg-type]  # an environment is made in a folder that it is given
        machine=machine,
        environ={},
        fetch=NoNetwork(),
        timeout_s=60.0,
        progress=lambda _: None,
        now=SystemClock().wall(),
    )


async def made(folder: Path, *sources: str) -> Path:
    """An environment without dependencies beside these source files."""
    home = folder / "home"
    for name in sources:
        path = home / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("FOUND = 1\n")
    async with workshop(folder / "state") as shop:
        plan = shop.plan("npm:any@1.0.0")
        manifest = Manifest("x", "1", "uv", "main.py", "")
        await make_uv_environment(plan, manifest, Project(), None, site(folder, shop.machine), home)
    return home


def test_an_environment_belongs_to_one_bundle_and_one_python(tmp_path: Path) -> None:
    ours = environment_reference("ab", site(tmp_path, MACHINE))
    newer = replace(MACHINE, python=Program("/usr/bin/python3", (3, 13, 0)))
    assert ours != environment_reference("cd", site(tmp_path, MACHINE))
    assert ours != environment_reference("ab", site(tmp_path, newer))


def test_without_uv_the_reason_and_the_fix_are_told(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="needs uv") as caught:
        environment_reference("ab", site(tmp_path, replace(MACHINE, uv=None)))
    assert caught.value.fix


@pytest.mark.process
@pytest.mark.timeout(120)
@pytest.mark.parametrize("source", ["src/own/__init__.py", "own/__init__.py"])
async def test_the_projects_own_package_is_imported_wherever_the_folder_goes(tmp_path: Path, source: str) -> None:
    moved = (await made(tmp_path, source)).rename(tmp_path / "moved")
    asked = [str(moved / commands.VENV_PYTHON), "-c", "import own; print(own.__file__)"]
    found = subprocess.run(asked, cwd="/", capture_output=True, text=True, check=True, timeout=60)
    assert Path(found.stdout.strip()) == moved / "files" / source
