"""From a bundle's manifest and a person's values to the exact command that starts it. No I/O."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.bundles.manifest import Manifest
from gateway.install.bundles.substitution import Values, fill, fill_args, fill_options, fill_or_drop, flattened
from gateway.install.bundles.uv_project import Project, run_target
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
    "bun": "is not installed here",
    "docker": "starts a container: install the image itself, by oci:",
    "sh": "is a shell",
    "bash": "is a shell",
    "cmd": "is a shell",
    "powershell": "is a shell",
}
# Where libraries are looked for: a bundle may name its own folders, and no others.
_OWN_PATHS = {"PYTHONPATH", "NODE_PATH", "LD_LIBRARY_PATH"}
_HARMLESS_VARIABLES = {"PYTHONUNBUFFERED", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE"}
_PUBLISHER = "Tell the bundle's publisher."


def option_values(
    manifest: Manifest,
    settings: Settings,
    secrets: Collection[str],
    schema_keys: Collection[str],
    variables: Mapping[str, str],
) -> Values:
    """Return the options' values; a manifest without options takes those that the listing's schema asked for.

    Raises: SettingsError, InstallError.
    """
    flat = flattened(settings)
    if not manifest.options:
        found: dict[str, Any] = {**flat, **{key: secret_reference(key) for key in secrets}}
        return Values(variables, found, {*found, *schema_keys})
    stale = {key for key in flat if key not in manifest.options and key.split(".")[0] in schema_keys}
    kept = {key: value for key, value in flat.items() if key not in stale}
    return Values(variables, fill_options(manifest, kept, secrets, variables), manifest.options.keys())


def bundle_launch(
    manifest: Manifest, values: Values, machine: Machine, *, content: str, data: str, project: Project | None = None
) -> StdioLaunch:
    """Return how to start the bundle unpacked at `values`' `__dirname`; `project` is a `uv` bundle's.

    Raises: RefusedByPolicy for a program or variable that we will not start or set; InstallError.
    """
    files = values.variables["__dirname"]
    environment = _environment(manifest, values, files)
    cwd = files
    if manifest.kind == "uv" and manifest.command in {"", "uv"}:
        argv, cwd = _uv_argv(manifest, values, files, content, project or Project())
    else:
        argv = [_program(manifest, machine, files, content, values), *fill_args(manifest.args, values)]
    if len(argv) == 1 and manifest.kind != "binary":
        argv.append(inside(files, manifest.entry_point))
    if machine.bun is not None and argv[0] == machine.bun.path:
        argv = [argv[0], *_bun_words(argv[1:], files)]
    _check_no_secret(argv, manifest)
    return StdioLaunch(argv=tuple(argv), env={**child_environment(machine, data), **environment}, cwd=cwd)


def _environment(manifest: Manifest, values: Values, files: str) -> dict[str, str]:
    environment = {}
    for name, template in manifest.env.items():
        text = fill_or_drop(template, values)
        if text is None:
            continue
        _check_variable(name, text, files)
        environment[name] = text
    return environment


def _check_variable(name: str, text: str, files: str) -> None:
    is_own_path = name in _OWN_PATHS and all(_is_inside(files, part) for part in text.split(":"))
    why = None if is_own_path or name in _HARMLESS_VARIABLES else why_variable_denied(name)
    if why is not None:
        raise RefusedByPolicy(f"the bundle sets the variable {name[:40]!a}, which is refused: {why}", fix=_PUBLISHER)


def _check_no_secret(argv: list[str], manifest: Manifest) -> None:
    for option in manifest.options.values():
        if any(f"${{secret:{option.key}}}" in part for part in argv):
            raise RefusedByPolicy(
                f"the bundle wants the secret {option.title or option.key!r} on its command line, "
                "where every process could read it",
                fix="Ask its publisher to take it from an environment variable.",
            )
    if any("${secret:" in part for part in argv):
        raise RefusedByPolicy("the bundle wants a secret on its command line", fix=_PUBLISHER)


def _program(manifest: Manifest, machine: Machine, files: str, content: str, values: Values) -> str:
    command = manifest.command or {"node": "node", "python": "python", "uv": "python"}.get(manifest.kind, "")
    if command in _PYTHONS and manifest.kind == "uv":
        return f"{content}/{commands.VENV_PYTHON}"
    if command == "node" and machine.node is not None:
        return machine.node.path
    if command in _PYTHONS and machine.python is not None:
        return machine.python.path
    if command == "bun" and machine.bun is not None:
        return machine.bun.path
    if manifest.kind == "binary" and not command:
        return inside(files, manifest.entry_point)
    if command.startswith("${__dirname}") or (manifest.kind == "binary" and "/" in command):
        return inside(files, fill(command, Values(values.variables, {})))
    why = _REFUSED_PROGRAMS.get(command.rpartition("/")[2].removesuffix(".exe"), "is not a program of the bundle")
    raise RefusedByPolicy(
        f"the bundle wants to be started by {command[:60]!a}, which {why}",
        fix="Only node, python, bun, uv (in uv bundles) and programs inside the bundle are started.",
    )


def _bun_words(words: Sequence[str], files: str) -> list[str]:
    """What bun shall run: a file of the bundle by its whole path, so that no word is one of bun's own commands.

    Raises: RefusedByPolicy, InstallError.
    """
    rest = words[1:] if words[:1] == ["run"] else words
    if not rest or rest[0].startswith("-"):
        raise RefusedByPolicy("the bundle wants bun to run something else than a file of the bundle", fix=_PUBLISHER)
    # Without its own node_modules, bun would fetch what a file imports.
    return ["--no-install", inside(files, rest[0]), *rest[1:]]


def _uv_argv(manifest: Manifest, values: Values, files: str, content: str, project: Project) -> tuple[list[str], str]:
    """What `uv run …` would start, in the environment that was made for it; and in which folder."""
    target = run_target(fill_args(manifest.args, values), project)
    directory = files if not target.directory else _folder(files, target.directory)
    argv = [f"{content}/{commands.VENV_PYTHON}"]
    if target.installed_program:
        return [*argv, f"{content}/{commands.VENV}/bin/{target.installed_program}", *target.words], directory
    if target.words and not target.words[0].startswith("-"):
        return [*argv, inside(files, target.words[0], directory), *target.words[1:]], directory
    return [*argv, *target.words], directory


def _folder(files: str, relative: str) -> str:
    return files if _joined(files, relative) == files else inside(files, relative)


def _joined(base: str, relative: str) -> str:
    return posixpath.normpath(posixpath.join(base, relative))


def _is_inside(files: str, relative: str) -> bool:
    path = _joined(files, relative)
    return bool(relative) and (path == files or path.startswith(files + "/"))


def inside(files: str, relative: str, base: str = "") -> str:
    """Return the path of a bundle's file, provably below `files`; `relative` starts from `base`, a folder of it.

    Raises: InstallError.
    """
    path = _joined(base or files, relative)
    if path == files or not relative or not _is_inside(files, path):
        raise InstallError(
            f"the bundle's program {relative[:80]!a} is not inside the bundle", step="manifest", fix=_PUBLISHER
        )
    return path
