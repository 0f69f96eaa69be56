"""Where the state directory lies, by the one rule that daemon and command line share. No I/O."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

APPLICATION = "mcp-gateway"


def state_directory(
    option: str | Path | None,
    environ: Mapping[str, str],
    *,
    configured: str = "",
    home: Path | None = None,
    platform: str = sys.platform,
) -> Path:
    """Choose: the option, `MCP_GATEWAY_STATE`, systemd's `STATE_DIRECTORY`, the configuration, the platform's place."""
    if option is not None and str(option):
        return _expanded(str(option), home)
    chosen = environ.get("MCP_GATEWAY_STATE") or _first_of(environ.get("STATE_DIRECTORY", "")) or configured
    return _expanded(chosen, home) if chosen else _platform_place(environ, _home(environ, home), platform)


def _first_of(directories: str) -> str:
    # systemd joins several StateDirectory= entries by colons; the first is ours.
    return directories.split(":", 1)[0]


def _expanded(path: str, home: Path | None) -> Path:
    if home is not None and (path == "~" or path.startswith("~/")):
        return home / path[2:]
    return Path(path).expanduser().absolute()


def _home(environ: Mapping[str, str], home: Path | None) -> Path:
    if home is not None:
        return home
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def _platform_place(environ: Mapping[str, str], home: Path, platform: str) -> Path:
    # The same places as platformdirs names, whose import would cost the command line a tenth of its start.
    if platform == "darwin":
        return home / "Library" / "Application Support" / APPLICATION
    xdg = environ.get("XDG_STATE_HOME", "").strip()
    return (Path(xdg) if xdg else home / ".local" / "state") / APPLICATION


def base_url(url: str) -> str:
    """Cut a gateway's address to scheme, host and port, whether or not it names the endpoint."""
    return url.rstrip("/").removesuffix("/mcp").rstrip("/")


def endpoint_url(url: str) -> str:
    """Make the MCP endpoint's address of a gateway's address."""
    return base_url(url) + "/mcp"
