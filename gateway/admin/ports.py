"""What the admin API needs done: every verb as a coroutine that returns plain JSON values.

The daemon plugs `gateway.verbs` in here; the CLI reaches the same functions through the API, or in-process when
no daemon runs. All results have the shapes of CONTRACT section 4; errors are `GatewayError`s. Values are JSON only
(str keys; no bytes, no datetimes), so that the API can send them as they are. No I/O.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

Json = dict[str, Any]
Progress = Callable[[Json], None]
"""Progress of a long verb: {"step": str, "message": str, "done": int | null, "total": int | null}. Called on the event
loop's thread; never raises, never waits."""


class CatalogueVerbs(Protocol):
    """Finding, installing, configuring: work with or without a daemon (then under the state directory's lock)."""

    async def search(self, query: str, *, source: str | None = None, limit: int = 10) -> Json:
        """`{"items": […], "sources": […]}`; `source` is smithery, registry or starter."""
        ...

    async def show(self, name: str) -> Json:
        """One item of `search` in full; NotFound with the nearest names in `fix`."""
        ...

    async def install(
        self,
        name: str,
        *,
        alias: str | None = None,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        dry_run: bool = False,
        allow_fresh: bool = False,
        progress: Progress | None = None,
    ) -> Json:
        """`{"name", "from", "origin", "version", "sha256", "tools": int | null, "warnings": […], "plan"}`.

        `dry_run` gives `{"plan": {…}}` and changes nothing. RefusedByPolicy, UsageError (naming missing settings),
        InstallError, DiscoveryError, NotFound.
        """
        ...

    async def upgrade(
        self,
        name: str | None = None,
        *,
        dry_run: bool = False,
        allow_fresh: bool = False,
        progress: Progress | None = None,
    ) -> Json:
        """`{"upgraded": [{"name", "before", "after"}], "unchanged": [{"name", "version"}]}`; None = all of them."""
        ...

    async def remove(self, name: str) -> Json:
        """`{"removed": name}`."""
        ...

    async def list_servers(self) -> Json:
        """`{"servers": [{"name", "from", "origin", "version", "sha256", "installed_at", "pinned_tools"}]}`."""
        ...

    async def approve(self, name: str, *, dry_run: bool = False) -> Json:
        """`{"server", "approved": int, "changes": [{"tool", "before", "after"}]}`: accept changed definitions.

        `dry_run` only shows them: approved is 0.
        """
        ...

    async def reject(self, name: str) -> Json:
        """`{"server", "rejected": int}`: drop changed definitions; these tools stay quarantined."""
        ...

    async def secret_set(self, server: str, key: str, value: str) -> Json:
        """`{"server", "key", "set": true}`; the value is never returned."""
        ...

    async def secret_list(self, server: str | None = None) -> Json:
        """`{"secrets": [{"server", "key"}]}`: names only."""
        ...

    async def secret_remove(self, server: str, key: str) -> Json:
        """`{"server", "key", "removed": bool}`."""
        ...

    async def config_show(self) -> Json:
        """`{"toml": str, "file": str | null}`: the union of file and installed servers; secrets never in it."""
        ...

    async def token_show(self, which: str = "token") -> Json:
        """`{"which", "token", "file": str | null}`; `which` is token (the agents') or admin-token."""
        ...

    async def token_rotate(self, which: str = "token") -> Json:
        """`{"which", "token", "file"}`: a new token is valid at once, the old one no longer."""
        ...

    async def doctor(self) -> Json:
        """`{"ok": bool, "checks": [{"name", "state": "ok" | "warning" | "failed", "message", "fix"}]}`."""
        ...

    async def massgen_block(self, agents: Sequence[str] = ()) -> Json:
        """`{"yaml": str, "url": str}`: what MassGen accepts as it is."""
        ...


class RunningVerbs(CatalogueVerbs, Protocol):
    """Those that need the running daemon as well."""

    async def status(self) -> Json:
        """`status` of CONTRACT section 4."""
        ...

    async def start(self, name: str) -> Json:
        """`{"server", "state", "health", "reason"}` as it stands after the request was taken."""
        ...

    async def stop(self, name: str) -> Json:
        """As `start`; the server stays stopped until `start`."""
        ...

    async def restart(self, name: str) -> Json:
        """As `start`."""
        ...

    async def logs(self, name: str, *, lines: int = 200) -> Json:
        """`{"server", "lines": [str]}`: the newest lines that the child wrote to stderr, oldest first."""
        ...

    def follow_logs(self, name: str) -> AsyncIterator[str]:
        """Yield new lines as they come, until closed; NotFound is raised at the first step."""
        ...

    async def tools(self, *, query: str | None = None, agent: str | None = None, run: str | None = None) -> Json:
        """`tools` of CONTRACT section 4: what that agent would be offered now. Makes no decision that counts."""
        ...

    async def call(
        self, tool: str, arguments: Mapping[str, Any], *, agent: str | None = None, run: str | None = None
    ) -> Json:
        """The MCP result of one `tools/call` of an exposed tool (via = api)."""
        ...

    async def calls(
        self,
        *,
        agent: str | None = None,
        run: str | None = None,
        tool: str | None = None,
        since: str | None = None,
        limit: int = 50,
    ) -> Json:
        """`{"calls": [rows of CONTRACT section 6, newest first]}`; `since` is RFC 3339 or a span such as 2h."""
        ...

    async def runs(self, *, limit: int = 50) -> Json:
        """`{"runs": [{"run", "agents": […], "calls", "failed", "first_at", "last_at"}]}`, newest first."""
        ...

    async def feedback(self, call_id: str, score: float, *, comment: str = "") -> Json:
        """`{"id", "call_id", "score"}` once it is committed; NotFound for an unknown call."""
        ...

    async def learn_status(self) -> Json:
        """`learn status` of CONTRACT section 4."""
        ...

    async def learn_train(self) -> Json:
        """`{"trained": int, "loss", "grad_norm", "version"}` after one training session; may take minutes."""
        ...

    async def learn_evaluate(self) -> Json:
        """`learn evaluate` of CONTRACT section 4."""
        ...

    async def learn_report(self) -> Json:
        """`learn_status` + `{"tools": [{"name", "score", "relevance", "reliability", "n", "why"}]}`, best first."""
        ...

    async def config_reload(self) -> Json:
        """`{"file", "changed": [names], "added": [names], "removed": [names], "unchanged": int}`.

        ConfigError when the file is bad: then nothing changed.
        """
        ...
