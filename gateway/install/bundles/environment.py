"""Makes the Python environment of a `uv` bundle at installation: wheels only, hashed, past their cool-down."""

from __future__ import annotations

from pathlib import Path

import anyio

from gateway.errors import InstallError
from gateway.install.build import Site
from gateway.install.bundles.manifest import Manifest
from gateway.install.bundles.uv_project import LockedPackage, Project, constraints, only_locked_files
from gateway.install.packages import commands, pypi
from gateway.install.packages.locks import combined_digest
from gateway.install.planning.blueprint import InstallPlan
from gateway.install.planning.machine import FIXES, Program

_CONSTRAINTS = "constraints.txt"


def environment_reference(sha256: str, site: Site) -> str:
    """What a content of this bundle is known by: an environment belongs to one Python."""
    python, _ = _programs(site)
    return f"mcpb:{sha256} python {python.shown} {python.path}"


async def make_uv_environment(
    plan: InstallPlan,
    manifest: Manifest,
    project: Project,
    locked: dict[str, LockedPackage] | None,
    site: Site,
    home: Path,
) -> str:
    """Make `venv` in `home`, beside `files`; returns the digest of what was resolved.

    Raises: InstallError, RefusedByPolicy.
    """
    if not project.requirements:
        python, uv = _programs(site)
        await site.run("venv", commands.uv_venv(uv.path, python.path), home)
        digest = combined_digest("no requirements")
    else:
        requirements = list(project.requirements)
        if locked is not None:
            await anyio.Path(home / _CONSTRAINTS).write_text(constraints(locked))
            requirements.append(f"-c {_CONSTRAINTS}")
        lock = await pypi.lock_requirements(requirements, manifest.name, plan, site, home)
        if locked is not None:
            await anyio.to_thread.run_sync(_narrow, home / commands.UV_LOCK, locked)
        await pypi.make_environment(lock, site, home)
        digest = lock.digest
    await anyio.to_thread.run_sync(_let_the_project_be_imported, home)
    return digest


def _programs(site: Site) -> tuple[Program, Program]:
    machine = site.machine
    if machine.uv is None or machine.python is None:
        raise InstallError(f"this {machine.missing_uv()}", step="check", fix=FIXES["uv"])
    return machine.python, machine.uv


def _narrow(lock: Path, locked: dict[str, LockedPackage]) -> None:
    lock.write_text(only_locked_files(lock.read_text("utf-8"), locked), "utf-8")


def _let_the_project_be_imported(home: Path) -> None:
    """What `uv` would do by building and installing the project, which we do not: put its folder on the path."""
    root = "files/src" if (home / "files" / "src").is_dir() else "files"
    for packages in (home / commands.VENV).glob("lib/python*/site-packages"):
        up = "/".join([".."] * len(packages.relative_to(home).parts))
        # Relative, as everything in there: the folder gets its final name later.
        (packages / "bundled_project.pth").write_text(f"{up}/{root}\n", "utf-8")
