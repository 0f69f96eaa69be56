"""`show NAME --installed`: what an installed server consists of, readable without any network."""

from __future__ import annotations

from typing import Any

import anyio

from gateway.clock import rfc3339
from gateway.errors import NotFound, UsageError
from gateway.install.cyclonedx import bill_of_materials
from gateway.install.record import ContentRecord, altered_files, read_record
from gateway.model import RemoteLaunch, ServerName, ServerSpec
from gateway.store.definitions import ITSELF
from gateway.store.installed import InstalledServer
from gateway.verbs.definitions import SERVER_ITSELF, label_item, labels_of
from gateway.verbs.parts import Parts

Json = dict[str, Any]
FORMATS = ("json", "cyclonedx")


async def record(parts: Parts, name: str, *, form: str = "json") -> Json:
    """Everything that is known about one server: origin, command, packages and files with hashes, pins, labels.

    Raises: NotFound, UsageError for an unknown format.
    """
    if form not in FORMATS:
        raise UsageError(f"there is no format {form[:40]!a}", fix=f"Choose one of: {', '.join(FORMATS)}.")
    installed = await parts.installed.get(ServerName(name))
    spec = await _wanted(parts, name) or (installed.spec if installed else None)
    if spec is None:
        raise NotFound(f"no server called {name[:60]!a} is here", fix="See `mcp-gateway list`.")
    content, altered = await anyio.to_thread.run_sync(_content, parts, installed)
    if form == "cyclonedx":
        return bill_of_materials(spec.name, installed.version if installed else None, spec.from_, content)
    return {
        **_origin(spec, installed),
        **_launch(spec),
        "runtimes": content.runtimes,
        "packages": [
            {"kind": p.kind, "name": p.name, "version": p.version, "integrity": list(p.integrity),
             "place": p.place or None, "has_scripts": p.has_scripts}
            for p in content.packages
        ],
        "files": [{"path": f.path, "sha256": f.sha256, "size_bytes": f.size_bytes} for f in content.files],
        "altered": altered,
        **await _definitions(parts, spec.name),
    }  # fmt: skip


async def _wanted(parts: Parts, name: str) -> ServerSpec | None:
    return next((spec for spec in await parts.wanted() if spec.name == name), None)


def _content(parts: Parts, installed: InstalledServer | None) -> tuple[ContentRecord, list[str]]:
    if installed is None or installed.files is None:
        return ContentRecord(), []
    folder = parts.installer.store.content / installed.files
    found = read_record(folder)
    return found, altered_files(folder, found)


def _origin(spec: ServerSpec, installed: InstalledServer | None) -> Json:
    return {
        "name": spec.name,
        "from": spec.from_,
        "asked_for": installed.from_ref if installed else None,
        "origin": str(installed.spec.origin if installed else spec.origin),
        "version": spec.version or (installed.version if installed else None),
        "sha256": installed.sha256 if installed else None,
        "installed_at": rfc3339(installed.installed_at) if installed else None,
        "files_folder": installed.files if installed else None,
        "allow_fresh": installed.allow_fresh if installed else False,
        "warnings": list(installed.warnings) if installed else [],
        "settings": sorted(installed.settings) if installed else [],
        "secrets": sorted(installed.secret_keys) if installed else [],
    }


def _launch(spec: ServerSpec) -> Json:
    """How it is started: names of variables and headers only, for their values may be anybody's business."""
    launch = spec.launch
    if isinstance(launch, RemoteLaunch):
        return {
            "transport": "http",
            "command": {"url": launch.url.split("?", 1)[0]},
            "environment": [],
            "headers": sorted(launch.headers),
        }
    return {
        "transport": "stdio",
        "command": {"argv": list(launch.argv), "cwd": launch.cwd},
        "environment": sorted(launch.env),
        "headers": [],
    }


async def _definitions(parts: Parts, server: ServerName) -> Json:
    pins = await parts.definitions.approved(server)
    changes = await parts.definitions.changes(server)
    return {
        "pins": [
            {"tool": pin.tool if pin.tool != ITSELF else SERVER_ITSELF, "sha256": pin.hash, "approved_at": pin.at}
            for pin in pins
        ],
        "waiting": [
            {"tool": change.tool if change.tool != ITSELF else SERVER_ITSELF, "rejected": change.is_rejected}
            for change in changes
        ],
        "labels": [label_item(label) for label in await labels_of(parts, server)],
    }
