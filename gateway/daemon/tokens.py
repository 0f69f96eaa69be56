"""The two bearer tokens: made at first start, kept as bare text in files that only their owner may read."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.daemon.state import StateDirectory, short_hash, write_private
from gateway.errors import UsageError

AGENTS = "token"
ADMIN = "admin-token"
ENVIRONMENT = {AGENTS: "MCP_GATEWAY_TOKEN", ADMIN: "MCP_GATEWAY_ADMIN_TOKEN"}
TOKEN_BYTES = 32

CredentialReader = Callable[[str], str | None]
"""Returns a systemd credential's text by its name, None when there is none."""


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """One token and where a person finds it."""

    value: str
    place: str

    @property
    def principal(self) -> str:
        """The name under which calls with this token are recorded."""
        return short_hash(self.value)


class TokenStore:
    """Finds the tokens: environment first, then a systemd credential, then the file in the state directory."""

    def __init__(self, state: StateDirectory, env: Mapping[str, str], read_credential: CredentialReader) -> None:
        self._state = state
        self._env = env
        self._read_credential = read_credential
        self._known: dict[str, TokenPlace] = {}

    def load(self, which: str) -> TokenPlace:
        """Return the token, making its file at first use. Looked for once: it is asked for at each request."""
        if which not in self._known:
            self._known[which] = self._find(which)
        return self._known[which]

    def _find(self, which: str) -> TokenPlace:
        variable = ENVIRONMENT[which]
        if given := self._env.get(variable, "").strip():
            return TokenPlace(given, f"${variable}")
        if credential := (self._read_credential(which) or "").strip():
            return TokenPlace(credential, f"systemd credential {which}")
        path = self._state.token_file(which)
        if not path.exists():
            write_private(path, secrets.token_urlsafe(TOKEN_BYTES).encode())
        return TokenPlace(path.read_text(encoding="utf-8").strip(), str(path))

    def check_distinct(self) -> None:
        """Refuse two equal tokens: every agent would be an administrator.

        Raises: UsageError.
        """
        agents, admin = self.load(AGENTS), self.load(ADMIN)
        if agents.value == admin.value:
            raise UsageError(
                f"the agents' token ({agents.place}) and the admin token ({admin.place}) are the same",
                fix="Give two different tokens: agents must never hold the second.",
            )

    def rotate(self, which: str) -> TokenPlace:
        """Replace a token that lies in its file; the old one stops working at once.

        Raises: UsageError when the token comes from elsewhere.
        """
        if which not in ENVIRONMENT:
            raise UsageError(f"there is no token {which!r}", fix=f"Say one of: {', '.join(ENVIRONMENT)}.")
        current = self.load(which)
        path = self._state.token_file(which)
        if current.place != str(path):
            raise UsageError(
                f"the {which} comes from {current.place}, so it cannot be rotated here",
                fix="Change it there and restart the gateway.",
            )
        write_private(path, secrets.token_urlsafe(TOKEN_BYTES).encode())
        self._known.pop(which)
        return self.load(which)
