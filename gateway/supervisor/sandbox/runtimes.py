"""Finds what a program needs to run that is not in the system's folders: its interpreter, and that one's library."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from gateway.supervisor.sandbox.reach import absolute, is_inside

MAX_LINKS: Final = 16
MAX_INTERPRETERS: Final = 4
HEAD_BYTES: Final = 256
_PROGRAM_FOLDERS: Final = {"bin", "sbin", "shims"}
_PARTS: Final = ("bin", "sbin", "lib", "lib64", "libexec", "include", "share", "ssl", "etc", "pyvenv.cfg")
_OF_VERSION_MANAGERS: Final = ("shims", "versions", "version", "plugins")
_MARKS: Final = ("pyvenv.cfg", "lib/python3*", "lib/node_modules", "include/node", "lib/ruby", "versions")
_SHARED_BY_PROGRAMS: Final = ("share", "etc")


def runtime_places(program: str, path: str, *, broad: Collection[str], strange: str = "") -> list[str]:
    """Return the places that `program` (absolute) is made of, interpreters of scripts included.

    `path` is the PATH it will have. Folders in `broad` hold other things as well: of such a one only the program itself
    is returned. What files in the folder `strange` say of themselves opens nothing but what is on that PATH or the
    system's.
    """
    found: dict[str, None] = {}
    waiting = [program]
    for _ in range(MAX_INTERPRETERS):
        if not waiting:
            break
        file = waiting.pop()
        for name in link_chain(file):
            found |= dict.fromkeys(_around(name, broad, is_strange=_lies_in(name, strange)))
        real = os.path.realpath(file)
        waiting += [one for one in _interpreter(real, path) if not _lies_in(real, strange) or _is_known(one, path)]
    return list(found)


def _lies_in(file: str, folder: str) -> bool:
    return bool(folder) and any(is_inside(file, place) for place in (folder, os.path.realpath(folder)))


def _is_known(program: str, path: str) -> bool:
    folders = [*path.split(":"), "/usr", "/bin", "/sbin", "/opt", "/nix/store", "/gnu/store"]
    return ".." not in program.split("/") and any(folder and is_inside(program, folder) for folder in folders)


def link_chain(file: str) -> Iterator[str]:
    """Yield a file's name and those that its links lead through, and the real one."""
    for _ in range(MAX_LINKS):
        yield file
        if not Path(file).is_symlink():
            break
        file = absolute(str(Path(file).readlink()), str(Path(file).parent))
    yield os.path.realpath(file)


def links_in(path: str) -> list[str]:
    """Return where each link lies that an absolute path leads through: in its own parts, and in what those lead to."""
    found: list[str] = []
    here, left = "/", [part for part in reversed(path.split("/")) if part]
    while left and len(found) <= MAX_LINKS * MAX_LINKS:
        part = left.pop()
        spot = absolute(part, here)
        if part in {".", ".."} or not Path(spot).is_symlink():
            here = spot
            continue
        found.append(spot)
        target = str(Path(spot).readlink())
        here = "/" if target.startswith("/") else here
        left += [part for part in reversed(target.split("/")) if part]
    return found


def _around(file: str, broad: Collection[str], *, is_strange: bool = False) -> list[str]:
    folder = Path(file).parent
    if folder.name in _PROGRAM_FOLDERS and str(folder.parent) not in {"/", "/usr", "/usr/local"}:
        prefix = folder.parent
        if any(any(prefix.glob(mark)) for mark in _MARKS):
            return [file, *_parts(prefix, broad), *([] if is_strange else _base_of(prefix))]
    return [file] if str(folder) in broad else [str(folder)]


def _parts(prefix: Path, broad: Collection[str]) -> list[str]:
    """The parts of an installation prefix; of one like ~/.local only what programs consist of."""
    is_shared = str(prefix.parent) in broad
    names = [name for name in (*_PARTS, *_OF_VERSION_MANAGERS) if not (is_shared and name in _SHARED_BY_PROGRAMS)]
    return [str(prefix / name) for name in names if (prefix / name).exists()]


def _base_of(prefix: Path) -> list[str]:
    """The Python that a virtual environment was made from."""
    try:
        lines = (prefix / "pyvenv.cfg").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    homes = [line.partition("=")[2].strip() for line in lines if line.partition("=")[0].strip() == "home"]
    return [part for home in homes if home.startswith("/") for part in _parts(Path(home).parent, ())]


def _interpreter(file: str, path: str) -> list[str]:
    """The program that a script's first line names, as an absolute path."""
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 - `Path` would say the same
            line = stream.read(HEAD_BYTES).split(b"\n", 1)[0].decode("utf-8", "replace")
    except OSError:
        return []
    words = line.removeprefix("#!").split() if line.startswith("#!") else []
    if words and words[0].endswith("/env"):
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    if not words:
        return []
    named = words[0] if words[0].startswith("/") else shutil.which(words[0], path=path)
    return [named] if named and Path(named).exists() else []
