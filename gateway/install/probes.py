"""Finds out what this machine has: looks for programs on PATH and asks them for their version."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import anyio

from gateway.errors import InstallError
from gateway.install.planning.environment import installer_environment
from gateway.install.planning.machine import Machine, Program
from gateway.install.planning.versions import program_version
from gateway.install.runner import run

PROBE_TIMEOUT_S = 20.0
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


async def probe_machine(environ: Mapping[str, str]) -> Machine:
    """Look around; a program that is missing or does not answer is None, never an error."""
    path = environ.get("PATH") or DEFAULT_PATH
    wanted = {name: shutil.which(name, path=path) for name in ("node", "npm", "git")}
    wanted["uv"] = _find_uv(path)
    found: dict[str, Program | None] = {}

    async def look(name: str, place: str | None) -> None:
        found[name] = await _version(name, place, environ) if place else None

    async with anyio.create_task_group() as tasks:
        for name, place in wanted.items():
            tasks.start_soon(look, name, place)
    return Machine(
        platform=sys.platform,
        arch=platform.machine(),
        python=Program(_base_python(), sys.version_info[:3]),
        path=path,
        lang=environ.get("LANG") or "C.UTF-8",
        **found,
    )


def _base_python() -> str:
    # Not the gateway's own virtual environment: servers must not see our packages, nor break when we are upgraded.
    return str(Path(getattr(sys, "_base_executable", None) or sys.executable).absolute())


def _find_uv(path: str) -> str | None:
    try:
        from uv import find_uv_bin  # noqa: PLC0415 - an optional wheel that only carries a binary

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv", path=path)


async def _version(name: str, place: str, environ: Mapping[str, str]) -> Program | None:
    try:
        finished = await run(
            f"probe {name}",
            [place, "--version"],
            cwd=Path("/"),
            env=installer_environment(environ),
            timeout_s=PROBE_TIMEOUT_S,
        )
    except InstallError:
        return None
    version = program_version(finished.stdout.decode("utf-8", "replace"))
    return Program(place, version) if version is not None else None
