"""After an installation failed: can the package registry be reached at all? Found out by connecting."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import anyio

from gateway.errors import InstallError

LOOK_S = 3.0
NETWORK_STEPS = frozenset({"versions", "lock", "install"})
_PORTS = {"https": 443, "http": 80}
# Where npm and uv look unless they are told otherwise; what their own files say is not known to us.
_INDEXES = {
    "npm": (("npm_config_registry", "NPM_CONFIG_REGISTRY"), "https://registry.npmjs.org/"),
    "pypi": (("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"), "https://pypi.org/"),
}


async def explained(error: InstallError, registry: str, environ: Mapping[str, str]) -> InstallError:
    """Return the error, or the same with the reason that the registry is out of reach."""
    if error.step not in NETWORK_STEPS:
        return error
    host, port = index_of(registry, environ)
    if not host or await can_connect(host, port):
        return error
    return InstallError(
        f"{error.message}: {host} cannot be reached from here",
        step=error.step,
        fix="Check the network and try again; servers that are installed already keep working.",
        exit_code=error.exit_code,
        tail=error.tail,
    )


def index_of(registry: str, environ: Mapping[str, str]) -> tuple[str, int]:
    """Host and port of the npm or PyPI registry in use; no host for one that is a folder."""
    variables, usual = _INDEXES[registry]
    parts = urlsplit(next((environ[name] for name in variables if environ.get(name)), usual))
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)


async def can_connect(host: str, port: int) -> bool:
    """Whether somebody accepts a connection there, within `LOOK_S`."""
    with anyio.move_on_after(LOOK_S):
        try:
            async with await anyio.connect_tcp(host, port):
                return True
        except OSError:
            return False
    return False
