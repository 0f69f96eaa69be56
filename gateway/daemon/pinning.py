"""Definitions are pinned when first seen; a changed one is held back until somebody approves it. No I/O.

That goes for tools and for what a server says of itself: its title is shown to agents, its instructions are advice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.model import Tool

PINNED_MEMBERS = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")


@dataclass(frozen=True, slots=True)
class Sorted:
    """What to do with a server's freshly listed tools."""

    accepted: tuple[Tool, ...]
    quarantined: tuple[Tool, ...]
    new_pins: dict[str, str]  # tool name -> hash, for tools never seen before


def definition_hash(tool: Tool) -> str:
    """SHA-256 of the members of a definition that an agent acts on, in canonical JSON."""
    return text_hash(canonical_definition(tool))


def canonical_definition(tool: Tool) -> str:
    """The pinned members of a definition as canonical JSON."""
    definition: dict[str, Any] = json.loads(tool.definition)
    pinned = {key: definition[key] for key in PINNED_MEMBERS if key in definition}
    return json.dumps(pinned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_server(title: str, instructions: str) -> str:
    """What a server says of itself, as canonical JSON."""
    said = {"instructions": instructions, "title": title}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def text_hash(canonical: str) -> str:
    """SHA-256 of canonical JSON."""
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def sort_tools(pins: Mapping[str, str], tools: Sequence[Tool]) -> Sorted:
    """Compare listed tools with the server's pins: unchanged and new ones are accepted, changed ones are not."""
    accepted: list[Tool] = []
    quarantined: list[Tool] = []
    new_pins: dict[str, str] = {}
    for tool in tools:
        digest = definition_hash(tool)
        pinned = pins.get(tool.ref.tool)
        if pinned is None:
            new_pins[tool.ref.tool] = digest
        (accepted if pinned in {None, digest} else quarantined).append(tool)
    return Sorted(tuple(accepted), tuple(quarantined), new_pins)
