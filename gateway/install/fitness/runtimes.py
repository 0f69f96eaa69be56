"""Is what a server runs with here, and new enough? For a listing's claims and for a bundle's manifest. No I/O."""

from __future__ import annotations

import re

from gateway.install.bundles.manifest import Manifest
from gateway.install.fitness.ranges import satisfies
from gateway.install.fitness.verdict import Check, Topic, failed, ok, unknown
from gateway.install.planning.machine import FIXES, Machine

_BARE = re.compile(r"v?\d{1,9}(\.\d{1,9}){0,2}", re.ASCII)
_NEEDED = {"npm": ("node", "npm"), "uv": ("python", "uv"), "docker": ("docker",)}
_TITLES = {
    "node": "Node.js",
    "npm": "npm",
    "python": "Python",
    "uv": "uv",
    "bun": "bun",
    "docker": "Docker",
    "git": "git",
}
_OTHER_NAMES = {"nodejs": "node", "python3": "python"}


def runtime_check(runtime: str, machine: Machine) -> Check:
    """Whether a runtime (node, npm, python, uv, bun, docker, git) is here and can be used."""
    why = machine.missing(runtime)
    if why is not None:
        return failed(Topic.RUNTIME, why, FIXES[_culprit(runtime, machine)])
    programs = machine.programs()
    names = [
        f"{_TITLES[name]} {program.shown}"
        for name in _NEEDED.get(runtime, (runtime,))
        if (program := programs.get(name)) is not None
    ]
    engine = f", engine {machine.docker_engine}" if runtime == "docker" else ""
    return ok(Topic.RUNTIME, f"{' and '.join(names)}{engine}: found")


def _culprit(runtime: str, machine: Machine) -> str:
    """Which of the programs behind a runtime is to blame: npm cannot be used without node."""
    return next((name for name in _NEEDED.get(runtime, ()) if machine.missing(name) is not None), runtime)


def version_check(runtime: str, wanted: str, machine: Machine) -> Check:
    """Whether the runtime's version is in the range that a publisher asks for; a bare number means at least that."""
    name = _OTHER_NAMES.get(runtime, runtime)
    program = machine.programs().get(name)
    title, shown = _TITLES.get(name, name)[:40], ascii(wanted[:60]).strip("'\"")
    if program is None:
        return unknown(Topic.RUNTIME, f"it asks for {title} {shown}, which is not looked for here")
    text = f">={wanted.strip()}" if _BARE.fullmatch(wanted.strip()) else wanted
    answer = satisfies(program.version, text, python=name == "python")
    if answer is None:
        return unknown(
            Topic.RUNTIME, f"it asks for {title} {shown}, which cannot be read; this machine has {program.shown}"
        )
    if not answer:
        message = f"needs {title} {shown}, this machine has {program.shown}"
        return failed(Topic.RUNTIME, message, f"Install {title} {shown}, or put it first on the gateway's PATH.")
    return ok(Topic.RUNTIME, f"{title} {program.shown} is in {shown}")


def manifest_checks(manifest: Manifest, machine: Machine) -> list[Check]:
    """Judge what a bundle's manifest demands: platform, runtime and versions."""
    checks = [_platform_check(manifest, machine)]
    if manifest.kind in {"node", "python", "uv"}:
        checks.append(runtime_check(manifest.kind, machine))
    checks += [version_check(runtime, wanted, machine) for runtime, wanted in manifest.runtimes.items()]
    return checks


def _platform_check(manifest: Manifest, machine: Machine) -> Check:
    if manifest.platforms and machine.platform not in manifest.platforms:
        message = f"it is made for {', '.join(manifest.platforms)}, this is {machine.platform}"
        return failed(Topic.PLATFORM, message, "Ask its publisher for a bundle for this platform.")
    return ok(Topic.PLATFORM, f"it is made for {machine.platform}" if manifest.platforms else "it names no platform")
