"""From an exposed name to what answers to it. No I/O."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from gateway.endpoint.toolset import Entry, Toolset
from gateway.errors import ToolQuarantined, UnknownTool

RESEND_WORDS = ("timeout", "connection", "network", "temporary", "unavailable", "500", "502", "503", "504", "retry")
"""An error text with one of these makes MassGen send the call again, up to four times."""

NEAREST = 3
LIKENESS = 0.6


def route(toolset: Toolset, visible: Collection[str], builtins: Collection[str], name: str) -> Entry | str:
    """Return the tool of that name, or the name itself when it is one of our own.

    Raises: UnknownTool with the nearest names, ToolQuarantined.
    """
    if name in builtins:
        return name
    entry = toolset.entries.get(name)
    if entry is not None and name in visible:
        return entry
    held = toolset.quarantined.get(name)
    if held is not None:
        raise ToolQuarantined(held.server, held.tool)
    raise UnknownTool(name, nearest_names(toolset, [*visible, *builtins], name))


def nearest_names(toolset: Toolset, names: Iterable[str], asked: str) -> list[str]:
    """The names that were probably meant: a tool that its server calls so, then the most alike."""
    quiet = [name for name in names if is_quiet(name)]
    namesakes = [n for n in quiet if n in toolset.entries and toolset.entries[n].tool.ref.tool == asked]
    alike = difflib.get_close_matches(asked[:200], quiet, n=NEAREST, cutoff=LIKENESS)
    return list(dict.fromkeys([*namesakes, *alike]))[:NEAREST]


def is_quiet(text: str) -> bool:
    """Whether a JSON-RPC error may say this without being sent again by MassGen."""
    lowered = text.lower()
    return not any(word in lowered for word in RESEND_WORDS)
