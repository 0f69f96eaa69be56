"""What a child gets to see: exactly its own environment, with its own secrets filled in. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from gateway.errors import GatewayError
from gateway.model import ServerName

MARKER: Final = "MCP_GATEWAY_CHILD"
"""Names the server in each child's environment, so that leftovers can be found and told apart."""

HOME_MARKER: Final = "MCP_GATEWAY_HOME_ID"
"""Names the gateway that started a child, by its state directory: another gateway's children are not ours to sweep."""

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


def named_in(values: Iterable[str]) -> tuple[str, ...]:
    """Return the keys of the secrets that these values name, each once, in order."""
    found = (key.strip() for value in values for key in _PLACEHOLDER.findall(value))
    return tuple(dict.fromkeys(found))


def child_environment(
    server: ServerName, env: Mapping[str, str], ours: Mapping[str, str], *, home: str = ""
) -> dict[str, str]:
    """Return the environment of a child: `env`, the markers, and PATH, HOME and LANG if `env` has no PATH.

    `home` is the value of `HOME_MARKER`; without one there is no such variable.

    Nothing else of our own environment (`ours`) travels on: not the notify socket, not a token, not a proxy.
    """
    basics: dict[str, str] = {}
    if "PATH" not in env:
        basics = {
            "PATH": ours.get("PATH") or FALLBACK_PATH,
            "HOME": ours.get("HOME") or "/",
            "LANG": ours.get("LANG") or "C.UTF-8",
        }
    return {**basics, **env, MARKER: server, **({HOME_MARKER: home} if home else {})}
