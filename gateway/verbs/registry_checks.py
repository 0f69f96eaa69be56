"""What `doctor` says about the registries: do they answer, how are they, with which key, do they answer as ever."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.config.registries import SmitherySection
from gateway.discovery.finder import SourceState
from gateway.discovery.parsing.shapes import Drift
from gateway.discovery.ports import Health
from gateway.errors import DiscoveryError
from gateway.verbs.parts import Parts

Json = dict[str, Any]
MAX_FIELDS = 6  # named in one line; `search --json` has them all
_GOES_ON = "Servers already installed keep working; see [smithery] and [registry]."
_CHANGED = "Nothing to do now: what is known is still read. Look for a newer version of the gateway."


def check(name: str, state: str, message: str, fix: str) -> Json:
    """One row: `state` is ok, warning or failed; a fix only when there is something to do."""
    return {"name": name, "state": state, "message": message, "fix": "" if state == "ok" else fix}


async def registry_checks(parts: Parts) -> list[Json]:
    """Ask every source something small, and say how that went."""
    found = await parts.finder.search("", limit=1)
    healths = await parts.finder.health()
    drift = parts.finder.drift()
    return [
        *key_checks(parts.config().smithery),
        *(_source_check(state) for state in found.sources),
        *(_health_check(name, told) for name, told in healths.items()),
        *(_drift_check(name, differences) for name, differences in drift.items()),
    ]


def key_checks(section: SmitherySection) -> list[Json]:
    """Say where the key comes from, never the key."""
    if not section.enabled:
        return []
    name = "smithery key"
    if section.key_trouble:
        fix = "Mend that file, or set SMITHERY_API_KEY."
        return [check(name, "warning", section.key_trouble, fix)]
    if not section.api_key:
        fix = "Set SMITHERY_API_KEY (or `api_key_file` in [smithery]) if Smithery refuses anonymous questions."
        return [check(name, "warning", "none: Smithery is asked anonymously", fix)]
    return [check(name, "ok", f"from {section.key_from or 'the configuration'}", "")]


def _source_check(state: SourceState) -> Json:
    if state.state == "ok":
        return check(f"source {state.name}", "ok", state.message or state.state, "")
    return check(f"source {state.name}", "warning", state.message or state.state, _GOES_ON)


def _health_check(name: str, told: Health | DiscoveryError) -> Json:
    row = f"health {name}"
    if isinstance(told, DiscoveryError):
        return check(row, "warning", told.message, told.fix or _GOES_ON)
    said = f"says {told.status!a}" + (f" at {told.timestamp}" if told.timestamp else "")
    is_well = told.status.lower() in {"ok", "healthy", "up", "pass"}
    return check(row, "ok" if is_well else "warning", said, _GOES_ON)


def _drift_check(name: str, differences: Sequence[Drift]) -> Json:
    row = f"answers {name}"
    if not differences:
        return check(row, "ok", "as they are known", "")
    named = [f"{one.field} ({one.kind}, {one.count}x)" for one in differences[:MAX_FIELDS]]
    more = [f"and {len(differences) - MAX_FIELDS} more"] if len(differences) > MAX_FIELDS else []
    return check(row, "warning", f"differ from what is known: {', '.join([*named, *more])}", _CHANGED)
