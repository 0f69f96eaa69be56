"""Finds out what this machine has: looks for programs on PATH and asks them for their version."""

from __future__ import annotations

import json
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
ENGINE_TIMEOUT_S = 5.0  # an engine that hangs must not make every first search hang with it
_DOCKER_VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


async def probe_machine(environ: Mapping[str, str]) -> Machine:
    """Look around; a program that is missing or does not answer is None, never an error."""
    path = environ.get("PATH") or DEFAULT_PATH
    wanted = {name: shutil.which(name, path=path) for name in ("node", "npm", "git", "bun", "docker")}
    wanted["uv"] = _find_uv(path)
    found: dict[str, Program | None] = {}
    engines: list[str | None] = []

    async def look(name: str, place: str | None) -> None:
        found[name] = await _version(name, place, environ) if place else None

    async def look_for_engine(place: str | None) -> None:
        engines.append(await _engine_version(place, environ) if place else None)

    async with anyio.create_task_group() as tasks:
        for name, place in wanted.items():
            tasks.start_soon(look, name, place)
        tasks.start_soon(look_for_engine, wanted["docker"])
    return Machine(
        platform=sys.platform,
        arch=platform.machine(),
        python=Program(_base_python(), sys.version_info[:3]),
        docker_engine=engines[0],
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


async def _engine_version(docker: str, environ: Mapping[str, str]) -> str | None:
    """Ask the docker client for its engine's version; None when there is none, or it does not answer in time."""
    passed = {name: environ[name] for name in _DOCKER_VARIABLES if name in environ}
    try:
        finished = await run(
            "probe the engine of docker",
            [docker, "version", "--format", "{{json .}}"],
            cwd=Path("/"),
            env={**installer_environment(environ), **passed},
            timeout_s=ENGINE_TIMEOUT_S,
            check=False,  # without an engine it says so by its exit status, and still prints its own version
        )
        answer = json.loads(finished.stdout)
    except (InstallError, ValueError):
        return None
    server = answer.get("Server") if isinstance(answer, dict) else None
    version = server.get("Version") if isinstance(server, dict) else None
    return version if isinstance(version, str) and version else None
