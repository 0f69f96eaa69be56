"""Pulls a container image, pins it by its digest, and says how it is started; sweeps containers that were left.

A container whose `docker run` was killed loses its stdin, on which servers end, and the engine then removes it; one
that stays all the same is found by its labels at the next sweep.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from gateway.errors import InstallError
from gateway.install.build import Built, Site
from gateway.install.containers import commands
from gateway.install.containers.names import ImageName, digest_among
from gateway.install.containers.planning import short
from gateway.install.planning.blueprint import ImageSource, InstallPlan
from gateway.install.planning.environment import child_environment, installer_environment
from gateway.install.planning.machine import FIXES, Machine
from gateway.install.planning.rules import check_age, parse_time
from gateway.install.runner import run
from gateway.model import StdioLaunch

SWEEP_TIMEOUT_S = 30.0
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_log = structlog.get_logger("install")


def state_key(state_root: Path) -> str:
    """What tells our containers from those of another gateway on the same engine."""
    return hashlib.sha256(str(state_root.absolute()).encode()).hexdigest()[:16]


async def build_container(plan: InstallPlan, source: ImageSource, site: Site) -> Built:
    """Pull one image, unless the pinned one is here, and pin it.

    Raises: InstallError, RefusedByPolicy.
    """
    docker = _program(site.machine)
    name = ImageName(source.repository, source.tag, source.digest)
    with site.store.work_folder() as work:
        found = await _inspect(docker, name, site, work) if source.digest else None
        if found is None:
            site.report("pull", f"pulling {name.to_pull}")
            await site.run("pull", commands.pull(docker, name.to_pull), work, more=site.docker_variables)
            found = await _inspect(docker, name, site, work)
        else:
            site.report("reuse", f"{name.to_pull} is already here")
    if found is None:
        raise InstallError(
            f"docker pulled {name.to_pull}, but does not know it", step="inspect", fix="Look at `docker images`."
        )
    digest = _digest(name, found)
    _check_platform(source.repository, found, site.machine)
    return Built(
        digest="",  # no files of ours: the engine keeps the image
        sha256=digest,
        version=source.tag or short(digest) or digest,
        launch=_launch(plan, name.pinned(digest), docker, site),
        warnings=_age_warnings(plan, name, found, site.now),
        settings=plan.settings,
        secrets=plan.given_secrets,
        secret_keys=plan.secret_keys,
    )


def _program(machine: Machine) -> str:
    missing = machine.missing_docker()
    if machine.docker is None or missing is not None:
        raise InstallError(f"this {missing}", step="check", fix=FIXES["docker"])
    return machine.docker.path


async def _inspect(docker: str, name: ImageName, site: Site, work: Path) -> Mapping[str, Any] | None:
    """What the engine knows about an image; None when it is not here."""
    argv = commands.inspect(docker, name.to_pull)
    finished = await site.run("inspect", argv, work, check=False, more=site.docker_variables)
    if finished.exit_code != 0:
        return None
    try:
        found = json.loads(finished.stdout)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InstallError(
            f"docker did not describe {name.to_pull}", step="inspect", fix="Check the Docker engine's version."
        )
    return found


def _digest(name: ImageName, found: Mapping[str, Any]) -> str:
    """Return the digest to pin.

    Raises: InstallError when the engine knows the image by none of its repository, or by another than was asked for.
    """
    digest = digest_among(found.get("RepoDigests"), name.repository)
    if name.digest is not None:
        wanted = f"{name.repository}@sha256:{name.digest}"
        listed = found.get("RepoDigests")
        same = [entry for entry in listed if str(entry).endswith(name.digest)] if isinstance(listed, list) else []
        if not same:
            raise InstallError(
                f"the engine has another image than {wanted}",
                step="pin",
                fix="Do not use it; pull it by hand and look.",
            )
        return name.digest
    if digest is None:
        raise InstallError(
            f"the engine does not say which digest {name.to_pull} has, so it cannot be pinned",
            step="pin",
            fix="Name the image by its digest: REGISTRY/NAME@sha256:…",
        )
    return digest


def _check_platform(shown: str, found: Mapping[str, Any], machine: Machine) -> None:
    system, arch = found.get("Os"), found.get("Architecture")
    ours = _ARCHITECTURES.get(machine.arch.lower())
    if system not in {None, "", "linux"} or (ours and arch and arch != ours):
        raise InstallError(
            f"{shown} is made for {system}/{arch}; this machine is linux/{ours or machine.arch}",
            step="check",
            fix="Ask its publisher for an image of this platform.",
        )


def _age_warnings(plan: InstallPlan, name: ImageName, found: Mapping[str, Any], now: float) -> tuple[str, ...]:
    """Refuse an image that says itself that it is fresh; an older date is only its publisher's word.

    Raises: RefusedByPolicy.
    """
    made = parse_time(found.get("Created"))
    notes = [f"pinned as {name.repository}@sha256:{_digest(name, found)}"]
    note = check_age(plan.rules, name.to_pull, made, now) if made is not None else None
    if note is not None:
        return (*notes, note)
    return (*notes, "nobody but its publisher says when this image was made")


def _launch(plan: InstallPlan, image: str, docker: str, site: Site) -> StdioLaunch:
    data = str(site.store.data / plan.name)
    argv = commands.run(
        docker,
        image,
        server=plan.name,
        state=state_key(site.store.content.parent),
        variables=plan.environment,
        arguments=plan.arguments,
    )
    own = {**child_environment(site.machine, data), **site.docker_variables}
    return StdioLaunch(argv=argv, env={**own, **plan.environment}, cwd=data)


async def sweep_containers(
    machine: Machine, environ: Mapping[str, str], state_root: Path, server: str | None = None
) -> int:
    """Remove containers that were left behind, of all servers or one; call it while none of them shall run.

    Returns how many there were. Without docker, or when its engine does not answer, that is 0: nothing is left that
    could be reached.
    """
    if machine.docker is None or machine.docker_engine is None:
        return 0
    docker, env = machine.docker.path, {**installer_environment(environ), **commands.client_variables(environ)}

    async def said(argv: commands.Argv) -> str:
        finished = await run("sweep", argv, cwd=Path("/"), env=env, timeout_s=SWEEP_TIMEOUT_S)
        return finished.stdout.decode("ascii", "replace")

    try:
        left = (await said(commands.leftovers(docker, state_key(state_root), server))).split()
        if left:
            await said(commands.remove(docker, left))
    except InstallError as exc:
        _log.warning("containers_not_swept", server=server, reason=exc.message)
        return 0
    if left:
        _log.info("containers_swept", server=server, count=len(left))
    return len(left)
