"""What a child gets to see: exactly its own environment, with its own secrets filled in. No I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from gateway.errors import GatewayError
from gateway.model import ServerName

MARKER: Final = "MCP_GATEWAY_CHILD"
"""Names the server in each child's environment, so that leftovers can be found and told apart."""

FALLBACK_PATH: Final = "/usr/local/bin:/usr/bin:/bin"

_PLACEHOLDER = re.compile(r"\$\{secret:([^}]+)\}")


class MissingSecretError(GatewayError):
    """A placeholder names a secret that is not set; `key` is its name."""

    code = "missing_secret"

    def __init__(self, key: str) -> None:
        super().__init__(f"the secret {key} is not set")
        self.key = key


def fill(values: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """Replace every `${secret:KEY}`.

    Raises: MissingSecretError.
    """

    def one(found: re.Match[str]) -> str:
        key = found[1].strip()
        if key not in secrets:
            raise MissingSecretError(key)
        return secrets[key]

    return {name: _PLACEHOLDER.sub(one, value) for name, value in values.items()}


def child_environment(server: ServerName, env: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child: `env`, the marker, and PATH, HOME and LANG if `env` has no PATH.

    Nothing else of our own environment (`ours`) travels on: not the notify socket, not a token, not a proxy.
    """
    basics: dict[str, str] = {}
    if "PATH" not in env:
        basics = {
            "PATH": ours.get("PATH") or FALLBACK_PATH,
            "HOME": ours.get("HOME") or "/",
            "LANG": ours.get("LANG") or "C.UTF-8",
        }
    return {**basics, **env, MARKER: server}


SHORTEST_SECRET: Final = 4
"""Shorter values are not blotted out: they would blot out half the log."""


def blotter(secrets: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that blots the secrets' values out of a text."""
    values = sorted({v for v in secrets.values() if len(v) >= SHORTEST_SECRET}, key=len, reverse=True)
    if not values:
        return lambda text: text
    pattern = re.compile("|".join(map(re.escape, values)))
    return lambda text: pattern.sub("***", text)
