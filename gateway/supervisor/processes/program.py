"""Finds the program that a server's command means, before anything is started."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.errors import SpawnFailed


def find_program(server: str, argv: Sequence[str], env: Mapping[str, str], cwd: str | None) -> str:
    """Return the full path of the program to run.

    Raises: SpawnFailed.
    """
    if not argv or not argv[0]:
        raise SpawnFailed(server, f"{server} has an empty command", fix="Give the server a command.")
    name = argv[0]
    if "/" in name:
        path = Path(cwd or ".", name)
        if not path.is_file():
            raise SpawnFailed(
                server, f"{server} cannot start: {name} does not exist", fix=f"Install or correct {name}."
            )
        if not os.access(path, os.X_OK):
            raise SpawnFailed(server, f"{server} cannot start: {name} is not executable", fix=f"chmod +x {name}")
        return str(path.absolute())
    found = shutil.which(name, path=env.get("PATH", ""))
    if found is None:
        raise SpawnFailed(
            server,
            f"{server} cannot start: {name} is not installed",
            fix=f"Install {name}, or give its full path (looked in {env.get('PATH', '')}).",
        )
    return str(Path(found).absolute())
