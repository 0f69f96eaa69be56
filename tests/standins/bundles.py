"""Builds real MCPB bundles in memory: two tiny stdio MCP servers without dependencies, one for node, one for python."""

from __future__ import annotations

import io
import json
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

_SOURCES = Path(__file__).parent / "bundled"
_MOMENT = (2026, 2, 3, 4, 5, 6)  # the same bytes every time, so that a pinned sha256 stays
VERSION = "1.0.0"
USER_CONFIG = {
    "apiKey": {
        "type": "string", "title": "API key", "description": "Key of the service", "sensitive": True, "required": True,
    },
    "units": {
        "type": "string", "title": "Units", "description": "si or us", "required": False, "default": "si",
    },
}  # fmt: skip
CONFIG_SCHEMA = {
    "type": "object",
    "required": ["apiKey"],
    "properties": {
        "apiKey": {"type": "string", "description": "Key of the service"},
        "units": {"type": "string", "description": "si or us", "default": "si"},
    },
}


def manifest(name: str, runtime: str, file: str, tools: list[dict[str, str]]) -> dict[str, Any]:
    """The manifest of a bundle whose server is one file."""
    return {
        "manifest_version": "0.3", "name": name, "display_name": name.title(), "version": VERSION,
        "description": "A tiny server for trying things out", "author": {"name": "Acme"},
        "server": {
            "type": runtime, "entry_point": f"server/{file}",
            "mcp_config": {
                "command": "node" if runtime == "node" else "python3",
                "args": [f"${{__dirname}}/server/{file}"],
                "env": {"ACME_API_KEY": "${user_config.apiKey}", "ACME_UNITS": "${user_config.units}"},
            },
        },
        "tools": tools, "user_config": USER_CONFIG,
    }  # fmt: skip


@cache
def node_bundle() -> bytes:
    """`acme/echo-bundle`: tools `echo` and `settings`."""
    tools = [{"name": "echo", "description": "Says the text back"}, {"name": "settings", "description": "What was set"}]
    return _zip(manifest("echo", "node", "index.js", tools), "index.js", (_SOURCES / "echo.js").read_bytes())


@cache
def python_bundle() -> bytes:
    """`acme/notes-bundle`: tools `add_note`, `list_notes` and `settings`."""
    names = {"add_note": "Keeps a note", "list_notes": "All notes kept", "settings": "What was set"}
    tools = [{"name": name, "description": text} for name, text in names.items()]
    return _zip(manifest("notes", "python", "main.py", tools), "main.py", (_SOURCES / "notes.py").read_bytes())


def _zip(description: dict[str, Any], file: str, source: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "manifest.json", json.dumps(description, indent=2).encode(), 0o100644)
        _add(archive, "server/", b"", 0o040755)  # real bundles carry bare folder entries
        _add(archive, f"server/{file}", source, 0o100644)
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int) -> None:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.create_system = 3
    entry.external_attr = (mode << 16) | (0x10 if name.endswith("/") else 0)
    entry.compress_type = zipfile.ZIP_STORED if name.endswith("/") else zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)
