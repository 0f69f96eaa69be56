"""What the stand-in Smithery lists: 30 servers, enough for three pages, with every kind of connection there is."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.standins import mcp_remote
from tests.standins.bundles import CONFIG_SCHEMA

_UNITS = {"type": "string", "description": "si or us", "default": "si", "x-from": {"query": "units"}}
_KEY = {"type": "string", "description": "Key of the service", "x-from": {"header": "x-api-key"}}
UNITS_SCHEMA = {"type": "object", "properties": {"units": _UNITS}}
KEYED_SCHEMA = {"type": "object", "required": ["apiKey"], "properties": {"apiKey": _KEY, "units": _UNITS}}


@dataclass(frozen=True)
class Server:
    """One server. `kind`: bundle | absolute | remote | keyed | function | command | none."""

    name: str
    title: str
    description: str
    kind: str = "remote"
    verified: bool = False
    uses: int = 0
    runtime: str = "node"
    listed: bool = True  # False: the API knows it, the search does not
    tools: tuple[str, ...] = field(default=())
    repository: str = ""  # owner/name

    @property
    def is_remote(self) -> bool:
        """Whether it is spoken to over HTTP."""
        return self.kind in {"remote", "keyed"}

    def item(self) -> dict[str, Any]:
        """The entry of a search: all 16 fields, always."""
        namespace, _, slug = self.name.partition("/")
        return {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, self.name)), "qualifiedName": self.name,
            "namespace": namespace, "slug": slug or None, "displayName": self.title, "description": self.description,
            "iconUrl": None, "verified": self.verified, "useCount": self.uses,
            "remote": None if self.kind == "none" else self.is_remote, "isDeployed": self.is_remote,
            "createdAt": "2026-02-03T04:05:06.000Z", "homepage": f"https://{namespace}.example", "bySmithery": False,
            "owner": "user_01AB" if namespace == "acme" else None, "score": None,
        }  # fmt: skip

    def record(self, origin: str) -> dict[str, Any]:
        """The full record; `origin` is where the stand-in listens."""
        url = f"{origin}/deployed/{self.name}" if self.is_remote else None
        tools = mcp_remote.TOOLS if self.is_remote else [{"name": name, "description": None} for name in self.tools]
        return {
            "qualifiedName": self.name, "displayName": self.title, "description": self.description, "iconUrl": None,
            "remote": self.is_remote, "deploymentUrl": url, "connections": self._connections(origin, url),
            "security": {"scanPassed": True} if self.verified else None,
            "tools": [{"inputSchema": {"type": "object", "properties": {}}, **tool} for tool in tools] or None,
            "resources": None, "prompts": None,
        }  # fmt: skip

    def _connections(self, origin: str, url: str | None) -> list[dict[str, Any]]:
        match self.kind:
            case "bundle":
                path = f"/servers/{quote(self.name, safe='')}/download"
                return [{"type": "stdio", "runtime": self.runtime, "bundleUrl": path, "configSchema": CONFIG_SCHEMA}]
            case "absolute":
                path = f"{origin}/files/{self.name.replace('/', '-')}.mcpb"
                return [{"type": "stdio", "runtime": self.runtime, "bundleUrl": path, "configSchema": CONFIG_SCHEMA}]
            case "function":
                start = "config => ({ command: 'npx', args: ['-y', '@acme/legacy'] })"
                return [{"type": "stdio", "stdioFunction": start, "configSchema": {}}]
            case "command":
                return [
                    {"type": "stdio", "command": "npx", "args": ["-y", "@acme/older"], "env": {}, "configSchema": {}}
                ]
            case "none":
                return []
            case _:
                schema = KEYED_SCHEMA if self.kind == "keyed" else UNITS_SCHEMA
                return [{"type": "http", "deploymentUrl": url, "configSchema": schema}]


_NAMED = (
    Server("acme/weather-http", "Acme Weather", "Forecasts and weather of every city", verified=True, uses=4211),
    Server("acme/vault-http", "Acme Vault", "Secrets behind an API key", "keyed", verified=True, uses=310),
    Server("acme/echo-bundle", "Acme Echo", "Says everything back", "bundle", True, 812, tools=("echo", "settings"),
           repository="acme-code/echo"),
    Server("acme/notes-bundle", "Acme Notes", "Local notes kept in memory", "bundle", True, 96, "python",
           tools=("add_note", "list_notes", "settings")),
    Server("acme/files-bundle", "Acme Files", "The echo server from a plain file address", "absolute", False, 12,
           tools=("echo", "settings")),
    Server("acme/legacy-function", "Acme Legacy", "An old record started by a function", "function", False, 40),
    Server("acme/older-command", "Acme Older", "An old record with a bare command", "command", False, 3),
    Server("acme/empty", "Acme Empty", "Listed, but gone since hosting ended", "none", False, 7),
    Server("acme/unlisted", "Acme Unlisted", "Published, but searches miss it", uses=1, listed=False),
    Server("acne/weather-http", "Acme Weather", "Forecasts and weather of every city", uses=2),
    Server("solo", "Solo", "A server whose name is a namespace only", verified=True, uses=55),
)  # fmt: skip
_SUBJECTS = (
    "calendar", "chess", "currency", "database", "dictionary", "email", "flights", "github", "images", "jobs", "maps",
    "music", "news", "pdf", "recipes", "search", "sports", "stocks", "tasks", "translation",
)  # fmt: skip
_MANY = tuple(
    Server(f"widgets/{subject}", f"{subject.title()} Widget", f"Everything about {subject}", verified=number % 3 == 0,
           uses=1000 - 40 * number)
    for number, subject in enumerate(_SUBJECTS)
)  # fmt: skip
SERVERS = {server.name: server for server in (*_NAMED, *_MANY)}
HOSTILE: list[Any] = [
    None, 17, "acme/echo", [], {}, {"qualifiedName": None}, {"qualifiedName": "../../etc/passwd"},
    {"qualifiedName": "acme/\u202egpj.exe"}, {"qualifiedName": "a" * 500}, {"qualifiedName": "acme/ok\u0000"},
]  # fmt: skip
