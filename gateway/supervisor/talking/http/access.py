"""`Access`: where a remote server is and how we show who we are, with its secrets filled in. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from gateway.errors import SpawnFailed
from gateway.model import RemoteLaunch, ServerName
from gateway.supervisor.processes.environment import MissingSecretError, fill, named_in

GIVEN_ELSEWHERE: Final[Mapping[str, str]] = {
    "smithery-connect": "Correct SMITHERY_API_KEY (or the key in [smithery]) and start it again: mcp-gateway restart"
}
"""Secrets that are no server's own: what to do about them; the server's name is added."""


@dataclass(frozen=True, slots=True)
class Access:
    """Address and own headers (names in lower case). Both may hold secrets: it is spelled without them."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def access_to(server: ServerName, launch: RemoteLaunch, secrets: Mapping[str, str]) -> Access:
    """Fill in the secrets.

    Raises: SpawnFailed when one is not set, or when a header cannot be sent.
    """
    try:
        # In a URL a secret is a value of the query or a piece of the path: it must not end either.
        quoted = {key: quote(value, safe="") for key, value in secrets.items()}
        url = fill({"url": launch.url}, quoted)["url"]
        headers = {name.lower(): value for name, value in fill(launch.headers, secrets).items()}
    except MissingSecretError as exc:
        raise SpawnFailed(
            server,
            f"{server} cannot connect: {exc.message}",
            fix=f"mcp-gateway secret set {server} {exc.key}=-",
        ) from exc
    if not all(_may_be_sent(text) for pair in headers.items() for text in pair):
        raise SpawnFailed(server, f"{server} has an unusable header", fix="Correct its headers.")
    return Access(url, headers)


def how_to_mend(server: ServerName, launch: RemoteLaunch) -> str:
    """Say what a person does about credentials that are refused: which secret to set."""
    keys = named_in([launch.url, *launch.headers.values()])
    for key in keys:
        if key in GIVEN_ELSEWHERE:
            return f"{GIVEN_ELSEWHERE[key]} {server}"
    if keys:
        return "Set it anew: " + " or ".join(f"mcp-gateway secret set {server} {key}=-" for key in keys)
    return f"Give it a header with a secret; its value: mcp-gateway secret set {server} KEY=-"


def _may_be_sent(text: str) -> bool:
    return text.isascii() and not any(mark in text for mark in "\r\n\0")
