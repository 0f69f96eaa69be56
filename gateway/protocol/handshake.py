"""How a connection finds out which era and revision the other side speaks, as a small state machine. No I/O.

`server/discover` is asked first; any other outcome than a usable answer leads to `initialize`. If discovery ran
out of time and `initialize` is then refused, the other side was only slow and locked itself to the modern era by
its first request: discovery is asked once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from gateway.protocol import codes, meta


class Era(StrEnum):
    """With `initialize` or without."""

    LEGACY = "legacy"
    MODERN = "modern"


@dataclass(frozen=True, slots=True)
class Agreed:
    """The handshake is done. `capabilities` are the server's."""

    era: Era
    revision: str
    capabilities: dict[str, Any]
    instructions: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """Send this request. `is_probe`: do not wait for its answer as long as for others."""

    method: str
    params: bytes
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """No common ground."""

    reason: str


Step = Ask | Agreed | Refused


class _Answer(msgspec.Struct, rename="camel"):
    capabilities: dict[str, Any] = {}
    protocol_version: str = ""
    supported_versions: list[str] = []
    instructions: str | None = None
    server_info: dict[str, Any] = {}
    meta: dict[str, Any] = msgspec.field(default_factory=dict, name="_meta")


_decode = msgspec.json.Decoder(_Answer).decode


class Handshake:
    """One connection's handshake: `start`, then feed what became of each `Ask`."""

    def __init__(self, client: bytes, *, probe: bool = True) -> None:
        self._client = client
        self._probe = probe
        self._asked = ""
        self._probe_timed_out = False

    def start(self) -> Step:
        """Return the first request."""
        return self._discover() if self._probe else self._initialize()

    def answered(self, result: bytes) -> Step:
        """The request was answered."""
        try:
            answer = _decode(result)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return self.failed(f"its answer to {self._asked} is malformed")
        if self._asked == "server/discover":
            return self._discovered(answer)
        if answer.protocol_version not in codes.LEGACY_REVISIONS:
            return Refused(f"it speaks revision {answer.protocol_version!r}, which is unknown here")
        return _agree(Era.LEGACY, answer.protocol_version, answer)

    def failed(self, reason: str) -> Step:
        """The request was answered with an error, whichever."""
        if self._asked == "server/discover" and self._probe:
            self._probe = False
            return self._initialize()
        if self._probe_timed_out:
            self._probe_timed_out = False
            return self._discover()
        return Refused(f"{self._asked}: {reason}")

    def timed_out(self) -> Step:
        """The probe was not answered in its time."""
        self._probe_timed_out = self._probe
        return self.failed("no answer")

    def _discovered(self, answer: _Answer) -> Step:
        for revision in codes.MODERN_REVISIONS:
            if revision in answer.supported_versions:
                return _agree(Era.MODERN, revision, answer)
        return self.failed(f"it speaks {', '.join(answer.supported_versions) or 'nothing'}")

    def _discover(self) -> Ask:
        self._asked = "server/discover"
        params, _ = meta.for_leg(b"{}", meta.stamp_for(codes.MODERN_REVISIONS[0], self._client))
        return Ask(self._asked, params, is_probe=True)

    def _initialize(self) -> Ask:
        self._asked = "initialize"
        params = {
            "protocolVersion": codes.LEGACY_REVISIONS[0],
            "capabilities": {},  # shared children must not push requests: nobody could tell whom they meant
            "clientInfo": msgspec.Raw(self._client),
        }
        return Ask(self._asked, msgspec.json.encode(params))


def _agree(era: Era, revision: str, answer: _Answer) -> Agreed:
    info = answer.server_info or answer.meta.get(codes.META_SERVER) or {}
    title = info.get("title") or info.get("name") if isinstance(info, dict) else ""
    return Agreed(
        era=era,
        revision=revision,
        capabilities=answer.capabilities,
        instructions=answer.instructions or "",
        title=title if isinstance(title, str) else "",
    )
