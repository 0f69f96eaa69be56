"""The official packer of MCPB bundles, installed once per machine and version into a cache folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGE = "@anthropic-ai/mcpb@2.1.2"
INSTALL_S, PACK_S = 240, 60


def installed_packer() -> Path:
    """Return the packer's program; installs it at the first call."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mcp-gateway-tests"
    folder = cache / f"mcpb-{PACKAGE.rsplit('@', 1)[1]}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _install(cache, folder)
    return folder / "node_modules" / "@anthropic-ai" / "mcpb" / "dist" / "cli" / "cli.js"


def _install(cache: Path, folder: Path) -> None:
    fresh = Path(tempfile.mkdtemp(prefix="installing-", dir=cache))
    try:
        (fresh / "package.json").write_text('{"private": true}', encoding="utf-8")
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", PACKAGE]
        done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        assert done.returncode == 0, f"npm could not install {PACKAGE}: {done.stderr[-2000:]}"
        if not folder.exists():
            fresh.rename(folder)
    except OSError:
        assert folder.exists(), "neither we nor a test beside us could install the packer"
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def pack(folder: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes], programs: tuple[str, ...] = ()) -> Path:
    """Lay the files out in `folder` and let the official tool validate and pack them; `programs` are executable."""
    for name, content in {"manifest.json": json.dumps(manifest).encode(), **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if name in programs else 0o644)
    archive = folder.with_suffix(".mcpb")
    official("pack", str(folder), str(archive))
    return archive


def official(*words: str) -> str:
    """Run the official tool."""
    done = subprocess.run(
        ["node", str(installed_packer()), *words], capture_output=True, text=True, timeout=PACK_S, check=False
    )
    assert done.returncode == 0, f"mcpb {words[0]}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    return done.stdout
