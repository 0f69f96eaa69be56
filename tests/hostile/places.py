"""Watches places on the disk: what an attempt left behind, and whether a trap was sprung."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def snapshot(root: Path, *, but: tuple[Path, ...] = ()) -> dict[str, str]:
    """Every file, link and folder below `root` with its content's hash; `but` are folders that may change."""
    found: dict[str, str] = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if Path(folder, name) not in but]
        for name in [*folders, *files]:
            path = Path(folder, name)
            found[str(path.relative_to(root))] = _told(path)
    return found


def _told(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.is_dir():
        return "folder"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "special"


@contextmanager
def nothing_written(root: Path, *, but: tuple[Path, ...] = ()) -> Iterator[None]:
    """What happens inside leaves everything below `root` as it was, except in the folders `but`."""
    before = snapshot(root, but=but)
    assert before, "there must be something to watch"
    yield
    after = snapshot(root, but=but)
    assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == set()


def trapped_programs(folder: Path, log: Path) -> None:
    """Make a folder of programs called node, npm, uv, git, docker, sh …; each writes what it was told into `log`."""
    folder.mkdir()
    for name in ("node", "npm", "npx", "uv", "uvx", "git", "docker", "bun", "python3", "sh", "bash"):
        program = folder / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> {log}\necho 99.0.0\n')
        program.chmod(0o755)
