"""What a `uv` bundle says of its project: dependencies, its lock, and what `uv run …` would start. No I/O.

`uv` itself never runs at a start: what it would do then (resolve, fetch, build) is done at installation, from wheels
alone, and the program is started directly.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.packages.locks import normalised

PYPROJECT, LOCK = "pyproject.toml", "uv.lock"
MAX_BYTES = {PYPROJECT: 1024 * 1024, LOCK: 16 * 1024 * 1024}
# A name, extras, versions, a marker: nothing that a requirements file reads as an option, an address or another line.
_VERSIONS = r" *(?:[<>=!~]=?=? *[A-Za-z0-9.*+!_-]+ *(?:, *[<>=!~]=?=? *[A-Za-z0-9.*+!_-]+ *)*)?"
_PLAIN_REQUIREMENT = re.compile(
    rf"[A-Za-z0-9][A-Za-z0-9._-]*(?: *\[[A-Za-z0-9._, -]*\])?(?:{_VERSIONS}| *\({_VERSIONS}\)) *"
    r"(?:;(?:(?! -)[A-Za-z0-9_.,<>=!~()'\" *+-])+)?",
    re.ASCII,
)
_PLAIN_VERSION = re.compile(r"[0-9][0-9A-Za-z.!+-]{0,80}", re.ASCII)
_SCRIPT = re.compile(r"(?P<module>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
MAX_REQUIREMENT = 500  # characters
_FIX = "Tell the bundle's publisher; the package itself may be on PyPI (pypi:NAME)."


def _bad(why: str) -> InstallError:
    return InstallError(f"the uv bundle {why}", step="manifest", fix=_FIX)


@dataclass(frozen=True, slots=True)
class Project:
    """A pyproject.toml as far as it decides what is installed and started."""

    requirements: tuple[str, ...] = ()
    scripts: Mapping[str, str] = field(default_factory=dict)  # program -> "module:function"
    requires_python: str = ""


def read_project(data: bytes | None) -> Project:
    """Read a pyproject.toml whose dependencies are plain names and versions.

    Raises: InstallError when there is more to them than we resolve.
    """
    document = _toml(data, PYPROJECT)
    project = _table(document, "project")
    uv = _table(_table(document, "tool"), "uv")
    for key in ("sources", "index", "index-url", "extra-index-url", "find-links", "override-dependencies"):
        if uv.get(key):
            raise _bad(f"takes dependencies from elsewhere than the index ([tool.uv] {key})")
    requirements, scripts = project.get("dependencies", []), _table(project, "scripts")
    if not isinstance(requirements, list):
        raise _bad("has dependencies that are not a list")
    for item in requirements:
        if not isinstance(item, str) or len(item) > MAX_REQUIREMENT or _PLAIN_REQUIREMENT.fullmatch(item) is None:
            raise _bad(f"has the dependency {str(item)[:60]!a}, which is not a plain one")
    wanted = project.get("requires-python", "")
    return Project(
        tuple(requirements),
        {str(name): place for name, place in scripts.items() if isinstance(place, str)},
        wanted if isinstance(wanted, str) else "",
    )


def _toml(data: bytes | None, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads((data or b"").decode("utf-8")) if data is not None else _missing(name)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as exc:
        raise _bad(f"has no usable {name}") from exc


def _missing(name: str) -> dict[str, Any]:
    raise _bad(f"has no {name}")


def _table(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = parent.get(key)
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One entry of a uv.lock: the version, and the SHA-256 of each of its wheels."""

    version: str
    hashes: frozenset[str]


def read_lock(data: bytes) -> dict[str, LockedPackage]:
    """Read a uv.lock, by normalised name; the project itself is left out.

    Raises: InstallError for a package that is not from an index, or locked twice.
    """
    found: dict[str, LockedPackage] = {}
    entries = _toml(data, LOCK).get("package", [])
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            raise _bad("has a uv.lock with an entry that is none")
        name, version, source = entry.get("name"), entry.get("version"), entry.get("source")
        if isinstance(source, dict) and {"editable", "virtual"} & source.keys():
            continue  # the project; nothing else may be of these kinds once sources are refused
        if not (isinstance(name, str) and isinstance(version, str) and _is_plain(name, version)):
            raise _bad(f"has a uv.lock with the malformed entry {str(name)[:60]!a}")
        if not isinstance(source, dict) or "registry" not in source:
            raise _bad(f"has a uv.lock that takes {name[:60]!a} from elsewhere than the index")
        if normalised(name) in found:
            raise _bad(f"has a uv.lock with two versions of {name[:60]!a}, of which one would have to be chosen")
        wheels = entry.get("wheels", [])
        rows = wheels if isinstance(wheels, list) else []
        hashes = {str(wheel.get("hash", "")) for wheel in rows if isinstance(wheel, dict)}
        found[normalised(name)] = LockedPackage(version, frozenset(hashes))
    return found


def _is_plain(name: str, version: str) -> bool:
    return _NAME.fullmatch(name) is not None and _PLAIN_VERSION.fullmatch(version) is not None


def constraints(locked: Mapping[str, LockedPackage]) -> str:
    """The lock as constraints for our own resolution, which checks the cool-down."""
    return "".join(f"{name}=={package.version}\n" for name, package in sorted(locked.items()))


_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


def only_locked_files(requirements: str, locked: Mapping[str, LockedPackage]) -> str:
    """Keep of a hashed requirements file only the hashes that the bundle's own lock has as well.

    Raises: RefusedByPolicy when the index serves none of the locked files.
    """
    logical = [line.strip() for line in requirements.replace("\\\n", " ").split("\n")]
    kept = []
    for line in logical:
        match = _REQUIREMENT.match(line)
        package = locked.get(normalised(match["name"])) if match else None
        if match is None or package is None:
            kept.append(line)
            continue
        hashes = [found for found in _HASH.findall(line) if found in package.hashes]
        if not hashes:
            raise RefusedByPolicy(
                f"the index serves other files of {match['name']} {package.version} than the bundle's uv.lock names",
                fix="Do not use it; ask its publisher, or look at the index.",
            )
        kept.append(" ".join([_HASH.sub("", line).strip(), *(f"--hash={found}" for found in hashes)]))
    return "\n".join(kept)


@dataclass(frozen=True, slots=True)
class Target:
    """What `uv run` would start: words for Python, below `directory` of the bundle ("" = its top)."""

    words: tuple[str, ...]
    directory: str = ""
    installed_program: str = ""  # a program that a dependency brings, to be started from the environment


_WITH_VALUE = {
    "--directory",
    "--project",
    "--python",
    "-p",
    "--index-strategy",
    "--link-mode",
    "--color",
    "--cache-dir",
}
_FLAGS = {
    "--frozen", "--locked", "--no-sync", "--offline", "--quiet", "-q", "--verbose", "-v", "--no-dev", "--no-cache",
    "-n", "--isolated", "--no-progress", "--no-project", "--no-config", "--exact", "--no-editable",
    "--no-python-downloads", "--native-tls", "--no-env-file",
}  # fmt: skip


def run_target(args: Sequence[str], project: Project) -> Target:
    """Read the arguments of the command `uv`, which must be those of `uv run`.

    Raises: InstallError for anything that we do not do at installation.
    """
    words = list(args)
    directory = ""
    seen_run = False
    while words and (words[0].startswith("-") or not seen_run):
        word = words.pop(0)
        name, _, value = word.partition("=")
        if word == "run" and not seen_run:
            seen_run = True
        elif name in {"-m", "--module"} and words and seen_run:
            return Target(("-m", *words), directory)
        elif name in _WITH_VALUE:
            value = value or (words.pop(0) if words else "")
            directory = value if name in {"--directory", "--project"} else directory
        elif word == "--":
            break
        elif word not in _FLAGS:
            raise _bad(f"is started by `uv {word[:40]}`, which is not supported")
    if not words:
        return Target((), directory)
    return _started(words, directory, project)


def _started(words: list[str], directory: str, project: Project) -> Target:
    first, rest = words[0], words[1:]
    if first in {"python", "python3"}:
        return Target(tuple(rest), directory)
    if first.endswith(".py") or "/" in first:
        return Target((first, *rest), directory)
    if first in project.scripts:
        match = _SCRIPT.fullmatch(project.scripts[first])
        if match is None:
            raise _bad(f"has the script {first[:40]!a} without a proper function")
        root = match["name"].split(".")[0]
        code = f"import sys; from {match['module']} import {root}; sys.argv[0] = {first!r}; sys.exit({match['name']}())"
        return Target(("-c", code, *rest), directory)
    if _NAME.fullmatch(first) is None:
        raise _bad(f"wants to start {first[:40]!a}, which is no program")
    return Target(tuple(rest), directory, installed_program=first)
