"""What an upgrade changes: release, command, environment, values it is given, and the tools it offers. No I/O."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from gateway.model import StdioLaunch
from gateway.protocol.scanning.changes import difference
from gateway.store.definitions import ITSELF, Pinned
from gateway.store.installed import InstalledServer

Json = dict[str, Any]


def changes_of(before: InstalledServer, after: InstalledServer) -> Json:
    """Compare two installations of one server; values of settings, variables and secrets are not told."""
    return {
        "version": {"before": before.version, "after": after.version},
        "from": {"before": before.spec.from_, "after": after.spec.from_},
        "command": {"before": command_of(before), "after": command_of(after)},
        "environment": _names(_variables(before), _variables(after)),
        "settings": _names(before.settings, after.settings),
        "secrets": _names(before.secret_keys, after.secret_keys),
    }


def command_of(server: InstalledServer) -> list[str]:
    """The command that starts a server, its own content folder spelled `${content}`; the address of a remote one."""
    launch = server.spec.launch
    if not isinstance(launch, StdioLaunch):
        return [launch.url]
    return [_placed(part, server.files) for part in launch.argv]


def _placed(part: str, files: str | None) -> str:
    marker = f"/content/{files}"
    at = part.find(marker) if files else -1
    return part if at < 0 else f"${{content}}{part[at + len(marker) :]}"


def _variables(server: InstalledServer) -> Collection[str]:
    launch = server.spec.launch
    return launch.env if isinstance(launch, StdioLaunch) else launch.headers


def _names(before: Collection[str], after: Collection[str]) -> Json:
    return {"added": sorted(set(after) - set(before)), "removed": sorted(set(before) - set(after))}


def tool_changes(pins: Mapping[str, Pinned], seen: Mapping[str, Pinned]) -> Json:
    """Compare pinned definitions with those that a server offers now."""
    old, new = _tools(pins), _tools(seen)
    changed = sorted(name for name in old.keys() & new.keys() if old[name][0] != new[name][0])
    return {
        **_names(old, new),
        "changed": [_tool_change(name, _spelled(old[name]), _spelled(new[name])) for name in changed],
        "instructions_changed": ITSELF in pins and ITSELF in seen and pins[ITSELF][0] != seen[ITSELF][0],
    }


def _tool_change(name: str, before: Any, after: Any) -> Json:
    return {"tool": name, "before": before, "after": after, "diff": difference(before, after or {})}


def changed_pins(pins: Mapping[str, Pinned], seen: Mapping[str, Pinned]) -> dict[str, Pinned]:
    """The definitions that would be quarantined: pinned otherwise than they are now."""
    return {name: new for name, new in seen.items() if name in pins and pins[name][0] != new[0]}


def tool_count(seen: Mapping[str, Pinned]) -> int:
    """How many tools there are among definitions."""
    return len(_tools(seen))


def _tools(definitions: Mapping[str, Pinned]) -> dict[str, Pinned]:
    return {name: pinned for name, pinned in definitions.items() if name != ITSELF}


def _spelled(pinned: Pinned) -> Any:
    return json.loads(pinned[1]) if pinned[1] else None
