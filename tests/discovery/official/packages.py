"""The registry's own npm packages, installed once per machine and version into a cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGES = ("smithery@1.1.1", "@smithery/api@0.68.0", "@modelcontextprotocol/sdk@1.32.2")
INSTALL_S = 240


def installed_packages() -> Path:
    """Return a folder whose `node_modules` holds the packages; installs them at the first call."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mcp-gateway-tests"
    folder = cache / ("smithery-clients-" + "-".join(package.rsplit("@", 1)[1] for package in PACKAGES))
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _install(cache, folder)
    return folder


def _install(cache: Path, folder: Path) -> None:
    fresh = Path(tempfile.mkdtemp(prefix="installing-", dir=cache))
    try:
        (fresh / "package.json").write_text('{"private": true}', encoding="utf-8")
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", *PACKAGES]
        done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        assert done.returncode == 0, f"npm could not install {PACKAGES}: {done.stderr[-2000:]}"
        if not folder.exists():
            fresh.rename(folder)
    except OSError:
        assert folder.exists(), "neither we nor a test beside us could install the packages"
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
