"""From a bundle's manifest and a person's values to the exact command that starts it. No I/O."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.bundles.manifest import Manifest
from gateway.install.bundles.substitution import bundle_variables, fill, fill_args, fill_options, flattened
from gateway.install.packages import commands
from gateway.install.planning.environment import child_environment, why_variable_denied
from gateway.install.planning.machine import Machine
from gateway.install.planning.settings import Settings, secret_reference
from gateway.model import StdioLaunch

_PYTHONS = {"python", "python3"}
# Whoever starts these downloads code at each start, or hands a text to a shell.
_REFUSED_PROGRAMS = {
    "npx": "downloads code at every start",
    "uvx": "downloads code at every start",
    "pnpm": "downloads code at every start",
    "bunx": "downloads code at every start",
    "docker": "needs a container runtime, which is not supported yet",
    "sh": "is a shell",
    "bash": "is a shell",
    "cmd": "is a shell",
    "powershell": "is a shell",
}


def option_values(
    manifest: Manifest, settings: Settings, secrets: Collection[str], schema_keys: Collection[str]
) -> dict[str, Any]:
    """Return the options' values; a manifest without options takes those that the listing's schema asked for.

    Raises: SettingsError.
    """
    flat = flattened(settings)
    if not manifest.options:
        return {**flat, **{key: secret_reference(key) for key in secrets}}
    stale = {key for key in flat if key not in manifest.options and key.split(".")[0] in schema_keys}
    return fill_options(manifest, {key: value for key, value in flat.items() if key not in stale}, secrets)


def bundle_launch(
    manifest: Manifest, options: Mapping[str, Any], machine: Machine, *, files: str, content: str, data: str
) -> StdioLaunch:
    """Return how to start the bundle unpacked at `files`.

    Raises: RefusedByPolicy for a program or variable that we will not start or set; InstallError.
    """
    variables = bundle_variables(files, data)
    environment = {}
    for name, template in manifest.env.items():
        _check_variable(name, template)
        environment[name] = fill(template, options, variables)
    if manifest.kind == "uv":
        # The host's to manage: the environment made from its pyproject.toml, and the entry point as it stands.
        argv = [f"{content}/{commands.VENV_PYTHON}", inside(files, manifest.entry_point)]
        argv += fill_args(_after_entry_point(manifest), options, variables)
    else:
        argv = [
            _program(manifest, machine, files, variables),
            *fill_args(manifest.args, options, variables),
        ]
    if len(argv) == 1 and manifest.kind in {"node", "python"}:
        argv.append(inside(files, manifest.entry_point))
    return StdioLaunch(argv=tuple(argv), env={**child_environment(machine, data), **environment}, cwd=files)


def _check_variable(name: str, template: str) -> None:
    # Python bundles carry their libraries in a folder of their own and must say so.
    own_path = name == "PYTHONPATH" and all(part.startswith("${__dirname}") for part in template.split(":"))
    why = None if own_path or name == "PYTHONUNBUFFERED" else why_variable_denied(name)
    if why is not None:
        raise RefusedByPolicy(f"the bundle sets the variable {name[:40]!a}, which is refused: {why}")


def _program(manifest: Manifest, machine: Machine, files: str, variables: Mapping[str, str]) -> str:
    command = manifest.command or {"node": "node", "python": "python"}.get(manifest.kind, "")
    if command == "node" and machine.node is not None:
        return machine.node.path
    if command in _PYTHONS and machine.python is not None:
        return machine.python.path
    if manifest.kind == "binary" and not command:
        return inside(files, manifest.entry_point)
    if command.startswith("${__dirname}") or (manifest.kind == "binary" and "/" in command):
        place = fill(command, {}, variables) if command.startswith("${") else command
        return inside(files, place)
    why = _REFUSED_PROGRAMS.get(command.rpartition("/")[2].removesuffix(".exe"), "is not a program of the bundle")
    raise RefusedByPolicy(
        f"the bundle wants to be started by {command[:60]!a}, which {why}",
        fix="Only node, python and programs inside the bundle are started.",
    )


def inside(files: str, relative: str) -> str:
    """Return the path of a bundle's file, provably below `files`.

    Raises: InstallError.
    """
    path = posixpath.normpath(posixpath.join(files, relative))
    if not relative or not path.startswith(files + "/"):
        raise InstallError(f"the bundle's program {relative[:80]!a} is not inside the bundle", step="manifest")
    return path


def _after_entry_point(manifest: Manifest) -> Sequence[str]:
    """The arguments behind the entry point of a `uv run … entry_point args` command line."""
    for position, argument in enumerate(manifest.args):
        if argument.endswith(manifest.entry_point):
            return manifest.args[position + 1 :]
    return ()
