"""Packages that are too fresh, not what they claim, or want to run something while they are installed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SystemClock
from gateway.errors import GatewayError, InstallError, RefusedByPolicy
from gateway.install.installer import InstallResult
from gateway.install.planning.rules import Rules
from gateway.install.runner import run
from tests.hostile.places import nothing_written
from tests.install.site import Workshop, workshop
from tests.install.speaking import speak
from tests.install.zips import NODE_SERVER, PYTHON_SERVER
from tests.standins.packages import HOUR_S, RunningPackages, running_packages

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]
FRESH = Rules(allow_fresh=True)
NODE = {"files": {"server.js": NODE_SERVER}, "bin": "server.js"}


@pytest.fixture
def registry() -> Iterator[RunningPackages]:
    with running_packages(SystemClock().wall()) as running:
        yield running


@asynccontextmanager
async def shop_at(folder: Path, registry: RunningPackages) -> AsyncIterator[Workshop]:
    """An installer whose operator uses this registry, with a home of its own."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    (home / "precious").write_text("untouched")
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "UV_CACHE_DIR": str(folder / "uv-cache")}
    environ |= {"npm_config_cache": str(folder / "npm-cache"), "npm_config_logs_max": "0", **registry.environment}
    async with workshop(folder / "state", environ=environ) as shop:
        yield shop


async def install(shop: Workshop, reference: str, **more: Any) -> InstallResult:
    """Plan and fetch: what an installation does before it becomes true."""
    plan = shop.plan(reference, **more)
    async with shop.installer.working(plan.name):
        return (await shop.installer.fetch(plan, shop.told.append)).result


async def refused(shop: Workshop, reference: str, kind: type[GatewayError] = RefusedByPolicy, **more: Any) -> Any:
    """Install, which must be refused and leave nothing in the state directory, nor anything beside it."""
    root = Path(shop.installer.store.content).parent.parent
    caches = (root / "state", root / "npm-cache", root / "uv-cache", root / "home/.npm", root / "home/.cache")
    with nothing_written(root, but=caches), pytest.raises(kind) as caught:
        await install(shop, reference, **more)
    assert [*shop.installer.store.content.iterdir()] == []
    assert [*shop.installer.store.servers.iterdir()] == []
    return caught.value


async def test_an_honest_npm_package_is_installed_from_the_operators_registry(
    tmp_path: Path, registry: RunningPackages
) -> None:
    registry.packages.npm("thing", "1.0.0", dependencies={"dep": "^1.0.0", "other": "npm:dep@1.0.0"}, **NODE)
    registry.packages.npm("dep", "1.0.0")
    async with shop_at(tmp_path, registry) as shop:
        result = await install(shop, "npm:thing")
    assert result.version == "1.0.0"
    assert speak(result.spec.launch)[0]["serverInfo"]["name"] == "node-echo"


async def test_an_honest_pypi_package_is_installed_from_the_operators_index(
    tmp_path: Path, registry: RunningPackages
) -> None:
    registry.packages.wheel("thing", "1.0.0", requires=("dep>=1",), source=PYTHON_SERVER)
    registry.packages.wheel("dep", "1.0.0")
    async with shop_at(tmp_path, registry) as shop:
        result = await install(shop, "pypi:thing")
    assert result.version == "1.0.0"
    assert speak(result.spec.launch)[0]["serverInfo"]["name"] == "py"


async def test_an_npm_release_of_an_hour_ago_is_refused_with_its_age(tmp_path: Path, registry: RunningPackages) -> None:
    registry.packages.npm("thing", "1.0.0", age_s=HOUR_S, **NODE)
    async with shop_at(tmp_path, registry) as shop:
        for reference in ("npm:thing", "npm:thing@1.0.0"):
            error = await refused(shop, reference)
            assert "thing@1.0.0 was published 1.0 hours ago, less than 7 days (the cool-down)" in error.message
            assert (error.code, "--allow-fresh" in error.fix) == ("too_fresh", True)
    assert registry.fetched() == []


async def test_the_exception_from_the_cooldown_works_and_is_recorded(tmp_path: Path, registry: RunningPackages) -> None:
    registry.packages.npm("thing", "1.0.0", age_s=HOUR_S, **NODE)
    async with shop_at(tmp_path, registry) as shop:
        result = await install(shop, "npm:thing@1.0.0", rules=FRESH)
    assert result.allow_fresh
    assert any("the cool-down for thing@1.0.0 was waived" in warning for warning in result.warnings)


async def test_the_newest_old_enough_npm_release_is_chosen_over_a_fresh_one(
    tmp_path: Path, registry: RunningPackages
) -> None:
    registry.packages.npm("thing", "1.0.0", dependencies={"dep": "^1.0.0"}, **NODE)
    registry.packages.npm("thing", "1.1.0", age_s=HOUR_S, **NODE)
    registry.packages.npm("dep", "1.0.0")
    registry.packages.npm("dep", "1.0.1", age_s=HOUR_S)
    async with shop_at(tmp_path, registry) as shop:
        result = await install(shop, "npm:thing")
    assert result.version == "1.0.0"
    assert "/npm/-/tarballs/dep/1.0.0.tgz" in registry.fetched()
    assert "/npm/-/tarballs/dep/1.0.1.tgz" not in registry.fetched()


async def test_an_npm_dependency_of_an_hour_ago_is_refused_by_name(tmp_path: Path, registry: RunningPackages) -> None:
    registry.packages.npm("thing", "1.0.0", dependencies={"dep": "^1.0.0"}, **NODE)
    registry.packages.npm("dep", "1.0.0", age_s=HOUR_S)
    async with shop_at(tmp_path, registry) as shop:
        error = await refused(shop, "npm:thing@1.0.0")
        assert (error.code, "dep" in error.message, "--allow-fresh" in error.fix) == ("too_fresh", True, True)
        assert (await install(shop, "npm:thing@1.0.0", rules=FRESH)).allow_fresh


async def test_a_pypi_release_of_an_hour_ago_is_refused_with_its_age(tmp_path: Path, registry: RunningPackages) -> None:
    registry.packages.wheel("thing", "1.0.0", age_s=HOUR_S, source=PYTHON_SERVER)
    async with shop_at(tmp_path, registry) as shop:
        error = await refused(shop, "pypi:thing==1.0.0")
        assert "thing 1.0.0 was published 1.0 hours ago, less than 7 days (the cool-down)" in error.message
        assert (error.code, "--allow-fresh" in error.fix) == ("too_fresh", True)
        assert (await install(shop, "pypi:thing==1.0.0", rules=FRESH)).allow_fresh


async def test_a_pypi_dependency_of_an_hour_ago_is_refused_by_name_or_not_chosen(
    tmp_path: Path, registry: RunningPackages
) -> None:
    registry.packages.wheel("thing", "1.0.0", requires=("dep",), source=PYTHON_SERVER)
    registry.packages.wheel("dep", "2.0.0", age_s=HOUR_S)
    async with shop_at(tmp_path, registry) as shop:
        error = await refused(shop, "pypi:thing==1.0.0")
        assert "so young is: dep 2.0.0 (1.0 hours ago)" in error.message
    registry.packages.wheel("dep", "1.0.0")
    async with shop_at(tmp_path / "again", registry) as shop:
        result = await install(shop, "pypi:thing==1.0.0")
    lock = (tmp_path / "again/state/content" / (result.files or "") / "requirements.txt").read_text()
    assert "dep==1.0.0" in lock


@pytest.mark.parametrize("kind", ["npm", "pypi"])
async def test_a_release_of_unknown_age_is_refused(tmp_path: Path, registry: RunningPackages, kind: str) -> None:
    registry.packages.npm("thing", "1.0.0", age_s=None, **NODE)
    registry.packages.wheel("thing", "1.0.0", age_s=None, source=PYTHON_SERVER)
    async with shop_at(tmp_path, registry) as shop:
        error = await refused(shop, f"{kind}:thing" + ("@1.0.0" if kind == "npm" else "==1.0.0"))
    assert error.code == "age_unknown"


@pytest.mark.parametrize("script", ["preinstall", "install", "postinstall", "prepare", "prepublish"])
async def test_no_script_of_an_npm_package_or_its_dependencies_runs(
    tmp_path: Path, registry: RunningPackages, script: str
) -> None:
    canary = tmp_path / "canary"
    trap = {"scripts": {script: f"touch {canary}"}}
    registry.packages.npm("thing", "1.0.0", dependencies={"dep": "1.0.0"}, hasInstallScript=True, **NODE, **trap)
    registry.packages.npm("dep", "1.0.0", hasInstallScript=True, **trap)
    async with shop_at(tmp_path, registry) as shop:
        result = await install(shop, "npm:thing@1.0.0")
        assert not canary.exists()
        # The trap is live: somebody who lets npm run scripts springs it.
        rebuild = [shop.machine.npm.path if shop.machine.npm else "npm", "rebuild", "--foreground-scripts"]
        folder = shop.installer.store.content / (result.files or "")
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}
        await run("trap", rebuild, cwd=folder, env=environ, timeout_s=60, check=False)
    assert canary.exists() or script.startswith("prep")  # npm prepares repositories only, not what it installs
    assert any("install scripts were not run" in warning for warning in result.warnings)


async def test_a_package_that_would_be_compiled_is_not_compiled(tmp_path: Path, registry: RunningPackages) -> None:
    canary = tmp_path / "canary"
    gyp = f"{{'targets': [{{'target_name': '<!(touch {canary})', 'sources': ['x.c']}}]}}"
    files = {"server.js": NODE_SERVER, "binding.gyp": gyp, "x.c": "int x;"}
    registry.packages.npm("thing", "1.0.0", files=files, bin="server.js", gypfile=True)
    async with shop_at(tmp_path, registry) as shop:
        result = await install(shop, "npm:thing@1.0.0")
    assert not canary.exists()
    assert not [*(tmp_path / "state/content" / (result.files or "")).rglob("*.node")]


async def test_a_source_distribution_is_refused_and_its_setup_does_not_run(
    tmp_path: Path, registry: RunningPackages
) -> None:
    canary = tmp_path / "canary"
    setup = f"open({str(canary)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='thing', version='1.0.0')\n"
    registry.packages.sdist("thing", "1.0.0", setup=setup)
    registry.packages.sdist("dep", "1.0.0", setup=setup)
    registry.packages.wheel("needy", "1.0.0", requires=("dep",), source=PYTHON_SERVER)
    async with shop_at(tmp_path, registry) as shop:
        for reference in ("pypi:thing==1.0.0", "pypi:needy==1.0.0"):
            error = await refused(shop, reference, InstallError)
            assert "cannot be installed from wheels alone" in error.message
            assert (await refused(shop, reference, InstallError, rules=FRESH)).tail
    assert not canary.exists()
    assert registry.fetched() == ["/files/needy/needy-1.0.0-py3-none-any.whl"] * len(registry.fetched())


@pytest.mark.parametrize("victim", ["thing", "dep"])
async def test_an_npm_file_with_another_content_than_promised_is_refused(
    tmp_path: Path, registry: RunningPackages, victim: str
) -> None:
    registry.packages.npm("thing", "1.0.0", dependencies={"dep": "1.0.0"}, exchanged=victim == "thing", **NODE)
    registry.packages.npm("dep", "1.0.0", exchanged=victim == "dep")
    async with shop_at(tmp_path, registry) as shop:
        error = await refused(shop, "npm:thing@1.0.0")
    assert (error.code, "another content than its registry promised" in error.message) == ("integrity", True)


async def test_a_wheel_with_another_content_than_promised_is_refused(tmp_path: Path, registry: RunningPackages) -> None:
    registry.packages.wheel("thing", "1.0.0", source=PYTHON_SERVER, exchanged=True)
    async with shop_at(tmp_path, registry) as shop:
        error = await refused(shop, "pypi:thing==1.0.0", InstallError)
    assert "with the content that their index promised" in error.message
    assert error.tail


@pytest.mark.parametrize(
    "elsewhere",
    [
        "git+https://127.0.0.1:1/x.git", "git+ssh://git@127.0.0.1/x.git", "github:acme/x", "acme/x", "git://127.0.0.1/x",
        "http://127.0.0.1:1/x.tgz", "https://169.254.169.254/x.tgz", "file:../../../etc", "file:/etc/passwd",
        "link:../x", "npm:../x@1.0.0", "npm:@a/../b@1.0.0",
    ],
)  # fmt: skip
async def test_an_npm_dependency_from_elsewhere_than_the_registry_is_refused(
    tmp_path: Path, registry: RunningPackages, elsewhere: str
) -> None:
    registry.packages.npm("thing", "1.0.0", dependencies={"dep": elsewhere}, **NODE)
    async with shop_at(tmp_path, registry) as shop:
        error = await refused(shop, "npm:thing@1.0.0", GatewayError)
    assert isinstance(error, RefusedByPolicy | InstallError)
    assert error.fix
    assert registry.fetched() == []


@pytest.mark.parametrize(
    "elsewhere", ["dep @ git+https://127.0.0.1:1/x.git", "dep @ http://127.0.0.1:1/dep-1.0-py3-none-any.whl",
                  "dep @ file:///etc/passwd"],
)  # fmt: skip
async def test_a_pypi_dependency_from_elsewhere_than_the_index_is_refused(
    tmp_path: Path, registry: RunningPackages, elsewhere: str
) -> None:
    registry.packages.wheel("thing", "1.0.0", requires=(elsewhere,), source=PYTHON_SERVER)
    async with shop_at(tmp_path, registry) as shop:
        error = await refused(shop, "pypi:thing==1.0.0", GatewayError)
    assert isinstance(error, RefusedByPolicy | InstallError)
    assert error.fix
