"""The real MassGen in a virtual environment of its own, made once and shared by parallel tests."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uv

PINS = Path(__file__).with_name("requirements.txt")
INSTALL_TIMEOUT_S = 280
MARKER = "complete"


def massgen_command() -> Path:
    """The `massgen` program; installs it at the first call on this machine."""
    tag = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    home = cache_folder() / f"massgen-{tag}"
    with locked(home.with_suffix(".lock")):
        if not (home / MARKER).exists():
            _build(home)
    return home / "bin" / "massgen"


def cache_folder() -> Path:
    """Where tests keep what is slow to fetch."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mcp-gateway-tests"
    root.mkdir(parents=True, exist_ok=True)
    return root


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time; released by the kernel even if the holder is killed."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(home: Path) -> None:
    """Build beside, then rename: a build that was interrupted is never mistaken for a finished one."""
    building = home.with_suffix(".building")
    for leftover in (building, home):
        shutil.rmtree(leftover, ignore_errors=True)
    _uv("venv", "--relocatable", "--python", sys.executable, str(building))
    _uv("pip", "install", "--python", str(building / "bin" / "python"), "--no-deps", "--requirements", str(PINS))
    (building / MARKER).touch()
    building.rename(home)


def _uv(*arguments: str) -> None:
    done = subprocess.run(
        [uv.find_uv_bin(), *arguments], capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"uv {' '.join(arguments)}: exit {done.returncode}\n{done.stderr[-4000:]}"
