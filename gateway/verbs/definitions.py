"""`approve` and `reject`: what to do with a server's changed definitions, and what is suspicious about all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from gateway.errors import NotFound
from gateway.model import ServerName
from gateway.protocol.scanning.changes import difference
from gateway.protocol.scanning.labels import Label, Others, scan, scan_server
from gateway.store.definitions import ITSELF, Change, Pinned
from gateway.verbs.parts import Parts

Json = dict[str, Any]
SERVER_ITSELF = "@server"
"""How a person names what a server says of itself, where a tool's name is asked for."""

_log = structlog.get_logger("tools")


async def approve(parts: Parts, name: str, *, tools: Sequence[str] = (), dry_run: bool = False) -> Json:
    """Accept the changed definitions of a server (or those of `tools`) and show them again; `dry_run` only tells them.

    Naming a rejected one takes the rejection back.

    Raises: NotFound when nothing (of that name) changed.
    """
    server, chosen = ServerName(name), await _chosen(parts, name, tools)
    changes = await _told(parts, server, chosen)
    if dry_run:
        return {"server": name, "approved": 0, "changes": changes}
    approved = await parts.definitions.approve(server, [change.tool for change in chosen])
    _log.info("definitions_approved", server=name, tools=[change.tool or SERVER_ITSELF for change in chosen])
    await parts.refresh(server)
    return {"server": name, "approved": approved, "changes": changes}


async def reject(parts: Parts, name: str, *, tools: Sequence[str] = ()) -> Json:
    """Answer changed definitions with no: what was approved stays approved, the changed tool stays hidden.

    That is not asked about again, and no longer counted as waiting, until the server changes the tool once more; when
    it lists the approved definition again, the tool is shown again.

    Raises: NotFound when nothing (of that name) changed.
    """
    server, chosen = ServerName(name), await _chosen(parts, name, tools)
    rejected = await parts.definitions.reject(server, [change.tool for change in chosen])
    _log.info("definitions_rejected", server=name, tools=[change.tool or SERVER_ITSELF for change in chosen])
    await parts.refresh(server)
    hidden = [change.tool for change in chosen if change.tool != ITSELF]
    return {"server": name, "rejected": rejected, "hidden_tools": hidden}


async def _chosen(parts: Parts, name: str, tools: Sequence[str]) -> list[Change]:
    changes = await parts.definitions.changes(ServerName(name))
    wanted = {ITSELF if tool == SERVER_ITSELF else tool for tool in tools}
    if unknown := wanted - {change.tool for change in changes}:
        raise NotFound(
            f"{name!r} has no changed definition of {', '.join(sorted(unknown))[:200]}",
            fix=f"See: mcp-gateway approve {name} --dry-run",
        )
    if not changes and name not in {spec.name for spec in await parts.wanted()}:
        raise NotFound(f"there is no server {name[:60]!a}", fix="See `mcp-gateway list`.")
    chosen = [change for change in changes if (change.tool in wanted if wanted else not change.is_rejected)]
    if not chosen:
        rejected = ", ".join(change.tool or SERVER_ITSELF for change in changes)
        raise NotFound(
            f"no changed definitions of {name!r} wait for approval",
            fix=f"To take a rejection back, name it with --tool: {rejected}"
            if rejected
            else "See `mcp-gateway status`: quarantined_tools says which servers have some.",
        )
    return chosen


async def _told(parts: Parts, server: ServerName, changes: Sequence[Change]) -> list[Json]:
    others = await foreign_tools(parts, server)
    own = set(await parts.definitions.pins(server)) | {change.tool for change in changes}
    told = []
    for change in changes:
        before, after = json.loads(change.before) if change.before else None, json.loads(change.after)
        told.append(
            {
                "tool": change.tool if change.tool != ITSELF else None,
                "before": before,
                "after": after,
                "diff": difference(before, after),
                "labels": [label_item(label) for label in scan(after, own, others)],
                "rejected": change.is_rejected,
            }
        )
    return told


async def foreign_tools(parts: Parts, server: ServerName) -> Others:
    """The tools of all other servers, as far as they are known."""
    known = await parts.definitions.known_tools()
    return Others({str(tool.ref.tool) for name, tools in known.items() if name != server for tool in tools})


async def labels_of(parts: Parts, server: ServerName) -> list[Label]:
    """What is suspicious about a server's definitions, those included that are held back."""
    changed = {change.tool: change.after for change in await parts.definitions.changes(server)}
    approved = {pin.tool: pin.canonical for pin in await parts.definitions.approved(server)}
    definitions = [json.loads(text) for text in {**approved, **changed}.values()]
    return scan_server(definitions, await foreign_tools(parts, server))


async def warnings_about(parts: Parts, server: ServerName, seen: Mapping[str, Pinned]) -> list[str]:
    """What is suspicious about the definitions that a new server was seen with, as sentences."""
    labels = scan_server([json.loads(text) for _, text in seen.values()], await foreign_tools(parts, server))
    return [label.sentence for label in labels]


def label_item(label: Label) -> Json:
    """A label as JSON."""
    return {
        "kind": label.kind,
        "tool": label.tool,
        "where": label.where,
        "excerpt": label.excerpt,
        "message": label.sentence,
    }
