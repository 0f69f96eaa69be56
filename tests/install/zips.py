"""Makes bundles for the tests: real ones, and ones that attack."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REG = stat.S_IFREG | 0o644
EXE = stat.S_IFREG | 0o755


def write_zip(path: Path, files: Mapping[str, bytes | str], modes: Mapping[str, int] | None = None) -> Path:
    """Write members exactly as named, without zipfile's tidying."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(member(name, (modes or {}).get(name, REG)), content)
    return path


def member(name: str, mode: int = REG) -> zipfile.ZipInfo:
    """One entry with this very name and mode."""
    info = zipfile.ZipInfo("x", (2026, 1, 1, 0, 0, 0))
    info.filename = name
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def manifest(kind: str = "node", entry_point: str = "server/index.js", **more: Any) -> dict[str, Any]:
    """A manifest of a bundle that starts its entry point."""
    command = {"node": "node", "python": "python", "uv": "uv", "binary": "${__dirname}/" + entry_point}[kind]
    entry = "${__dirname}/" + entry_point
    args = {"binary": [], "uv": ["run", "--directory", "${__dirname}", entry_point]}.get(kind, [entry])
    config = {"command": command, "args": args, "env": {}} | more.pop("mcp_config", {})
    return {
        "manifest_version": "0.3",
        "name": "echo",
        "version": "1.2.3",
        "server": {"type": kind, "entry_point": entry_point, "mcp_config": config},
    } | more


def write_bundle(
    path: Path, found: Mapping[str, Any], files: Mapping[str, bytes | str], modes: Mapping[str, int] | None = None
) -> Path:
    """Write a bundle with this manifest."""
    return write_zip(path, {"manifest.json": json.dumps(found), **files}, modes)


NODE_SERVER = """
const lines = require('readline').createInterface({input: process.stdin});
lines.on('line', line => {
  const asked = JSON.parse(line);
  if (asked.id === undefined) return;
  const seen = {argv: process.argv.slice(2), env: process.env, cwd: process.cwd()};
  const result = asked.method === 'initialize'
    ? {protocolVersion: '2025-06-18', capabilities: {tools: {}}, serverInfo: {name: 'node-echo', version: '1'}}
    : {tools: [], seen};
  process.stdout.write(JSON.stringify({jsonrpc: '2.0', id: asked.id, result}) + '\\n');
});
"""

PYTHON_SERVER = """
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    seen = {"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}
    result = {"tools": [], "seen": seen}
    if asked["method"] == "initialize":
        info = {"name": "py", "version": "1"}
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""
