"""PyPI packages for real: wheels only, hashed, in an environment that can be moved."""

from __future__ import annotations

import os
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.packages.pypi import find_script
from gateway.install.planning.rules import Rules
from tests.fakes import FakeClock
from tests.install.site import workshop
from tests.install.speaking import speak


@pytest.mark.process
@pytest.mark.network
@pytest.mark.timeout(300)
async def test_a_real_package_is_installed_with_hashes_and_answers(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install("pypi:mcp-server-time==2026.10.19", "time")
        assert shop.steps == ["lock", "install", "compile", "keep"]
        again = await shop.install("pypi:mcp-server-time==2026.10.19", "time")
    content = tmp_path / "state/content" / (result.files or "")
    lock = (content / "requirements.txt").read_text()
    assert "mcp-server-time==2026.10.19" in lock
    assert lock.count("--hash=sha256:") >= lock.count("==")
    assert again == result
    argv = result.spec.launch.argv  # type: ignore[union-attr]
    assert argv == (str(content / "venv/bin/python"), str(content / "venv/bin/mcp-server-time"))
    initialized, listed = speak(result.spec.launch)
    assert initialized["serverInfo"]["name"]
    assert "get_current_time" in {tool["name"] for tool in listed["tools"]}


@pytest.mark.process
@pytest.mark.network
@pytest.mark.timeout(300)
async def test_a_release_within_its_cooldown_is_refused_although_it_exists(tmp_path: Path) -> None:
    # Two days after 2026.10.19 came out.
    async with workshop(tmp_path / "state", clock=FakeClock(wall=1_792_540_800.0)) as shop:
        with pytest.raises(RefusedByPolicy, match="less than 7 days"):
            await shop.install("pypi:mcp-server-time==2026.10.19", "time")
    assert not (tmp_path / "state/servers/time").exists()


@pytest.mark.process
@pytest.mark.network
@pytest.mark.timeout(300)
async def test_without_a_version_the_newest_that_is_old_enough_is_taken(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state", clock=FakeClock(wall=1_792_540_800.0)) as shop:
        result = await shop.install("pypi:mcp-server-time", "time")
    assert (result.version, result.spec.from_) == ("2026.10.10", "pypi:mcp-server-time==2026.10.10")


@pytest.mark.process
@pytest.mark.network
@pytest.mark.timeout(300)
async def test_a_package_that_does_not_exist_is_told_with_uvs_last_words(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(InstallError, match="cannot be installed") as caught:
            await shop.install("pypi:mcp-server-that-nobody-made-4711")
    assert caught.value.step == "lock"
    assert caught.value.exit_code
    assert caught.value.tail


def sdist(folder: Path, canary: Path) -> None:
    """An index of plain files with one package that exists as source only; building it would leave the canary."""
    setup = (
        f"open({str(canary)!r}, 'w').write('ran')\nfrom setuptools import setup\nsetup(name='canary', version='1.0')\n"
    )
    with tarfile.open(folder / "canary-1.0.tar.gz", "w:gz") as archive:
        for name, text in {
            "setup.py": setup,
            "PKG-INFO": "Metadata-Version: 2.1\nName: canary\nVersion: 1.0\n",
        }.items():
            info = tarfile.TarInfo(f"canary-1.0/{name}")
            info.size = len(text)
            archive.addfile(info, BytesIO(text.encode()))


@pytest.mark.process
@pytest.mark.timeout(120)
async def test_a_package_of_source_only_is_refused_and_its_setup_does_not_run(tmp_path: Path) -> None:
    index = tmp_path / "index"
    index.mkdir()
    sdist(index, tmp_path / "canary")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "UV_FIND_LINKS": str(index), "UV_NO_INDEX": "1"}
    async with workshop(tmp_path / "state", environ=environ) as shop:
        with pytest.raises(InstallError, match="from wheels alone") as caught:
            await shop.install("pypi:canary==1.0", rules=Rules(allow_fresh=True))
    assert any("canary" in line for line in caught.value.tail)
    assert not (tmp_path / "canary").exists()


def environment(root: Path, entry_points: str | None, scripts: tuple[str, ...]) -> Path:
    info = root / "lib/python3.11/site-packages/Acme_X-1.0.dist-info"
    info.mkdir(parents=True)
    (root / "bin").mkdir()
    if entry_points is not None:
        (info / "entry_points.txt").write_text(entry_points)
    for name in scripts:
        (root / "bin" / name).touch()
    return root


@pytest.mark.parametrize(
    ("entry_points", "scripts", "found"),
    [
        ("[console_scripts]\nacme-x = a:b\n", ("acme-x",), "acme-x"),
        ("[console_scripts]\nother = a:b\nacme_x = a:b\n", ("acme_x", "other"), "acme_x"),
        ("[console_scripts]\nRun = a:b\n[x]\ny = z\n", ("Run",), "Run"),
    ],
)
def test_the_program_of_a_package_is_found(
    tmp_path: Path, entry_points: str, scripts: tuple[str, ...], found: str
) -> None:
    assert find_script(environment(tmp_path, entry_points, scripts), "acme-x") == found


@pytest.mark.parametrize(
    ("entry_points", "scripts", "says"),
    [
        (None, (), "no program to start"),
        ("[x]\ny = z\n", (), "no program to start"),
        ("[console_scripts]\na = x:y\nb = x:y\n", ("a", "b"), "several programs: a, b"),
        ("[console_scripts]\n../../evil = x:y\n", (), "no program to start"),
        ("[console_scripts]\nmissing = x:y\n", (), "no program to start"),
        ("nonsense", (), "no program to start"),
    ],
)
def test_a_package_without_one_program_is_refused(
    tmp_path: Path, entry_points: str | None, scripts: tuple[str, ...], says: str
) -> None:
    with pytest.raises(InstallError, match=says):
        find_script(environment(tmp_path, entry_points, scripts), "acme-x")
