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

    async def search(
        self,
        query: str,
        *,
        source: str | None = None,
        limit: int = 10,
        verified: bool | None = None,
        remote: bool | None = None,
        namespace: str | None = None,
        offline: bool = False,
        filters: str | None = None,
    ) -> Json:
        """`{"items": […], "sources": […], "nearest": […]}`; `source` is smithery, registry or starter."""
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
        via: str = "direct",
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
        approve: bool = False,
        progress: Progress | None = None,
    ) -> Json:
        """`{"upgraded": […], "unchanged": […], "failed": […], "rolled_back": […], "freed_bytes"}`; None = all of them.

        upgraded: `{"name", "before", "after", "changes", "quarantined"}`, rolled_back: the same + `reason`, unchanged:
        `{"name", "version"}`, failed: `{"name", "message", "fix"}`. `changes`: `{"version", "from", "command",
        "environment", "settings", "secrets", "tools": {"added", "removed", "changed", "instructions_changed"}}`.
        """
        ...

    async def install_many(
        self,
        names: Sequence[str],
        *,
        dry_run: bool = False,
        allow_fresh: bool = False,
        progress: Progress | None = None,
    ) -> Json:
        """`{"results": [{"reference", "ok": true, … as install} | {"reference", "ok": false, "error": {…}}]}`.

        Each progress says in `server` which of `names` it is about.
        """
        ...

    async def rollback(self, name: str, *, progress: Progress | None = None) -> Json:
        """`{"name", "before", "after", "changes"}`: what was installed before serves again. NotFound, InstallError."""
        ...

    async def remove(self, name: str, *, data: bool = False) -> Json:
        """`{"removed": name, "freed_bytes": int, "data_kept": path | null}`."""
        ...

    async def sync(self, *, full: bool = False, progress: Progress | None = None) -> Json:
        """Copy the official registry: `{"source", "full", "since", "resumed", "servers", "withdrawn", "skipped", …}`.

        And `"pages", "took_s", "at"`. UsageError where it is switched off, DiscoveryError (the next run goes on).
        """
        ...

    async def list_servers(self) -> Json:
        """`{"servers": [{"name", "from", "origin", "version", "sha256", "installed_at", "pinned_tools"}]}`."""
        ...

    async def approve(self, name: str, *, tools: Sequence[str] = (), dry_run: bool = False) -> Json:
        """`{"server", "approved": int, "changes": [{"tool", "before", "after", "diff", "labels", "rejected"}]}`.

        Accepts all changed definitions that wait, or those of `tools` (rejected ones too); `tool` is null for what the
        server says of itself, which is named `@server`. `dry_run` only shows them: approved is 0.
        """
        ...

    async def reject(self, name: str, *, tools: Sequence[str] = ()) -> Json:
        """`{"server", "rejected": int, "hidden_tools": […]}`: these tools stay hidden, and nobody is asked again."""
        ...

    async def record(self, name: str, *, format: str = "json") -> Json:  # noqa: A002 - the parameter's public name
        """What an installed server consists of: reference, command, packages with hashes, pins, labels."""
        ...

    async def deaths(self, *, name: str | None = None, limit: int = 50) -> Json:
        """How children ended although they were wanted, newest first; of one server or of all.

        `{"deaths": [{"server", "at", "cause", "code", "signal", "reason", "was_wanted", "uptime_s", "pid",
        "stderr_tail": [str], "version"}]}`. NotFound for a server that nobody has heard of.
        """
        ...

    async def requests(self, *, state: str | None = None) -> Json:
        """`{"requests": [{"id", "at", "agent", "run", "name", "state", "decided_at", "message"}]}`, waiting ones first.

        `state` is pending, approved, denied, installed or failed.
        """
        ...

    async def request_decide(self, request: str, approve: bool) -> Json:
        """`{"request": row}`; what is approved is installed by the running daemon."""
        ...

    async def connect_list(
        self, *, namespace: str | None = None, name: str | None = None, url: str | None = None
    ) -> Json:
        """`{"namespace", "connections": [row]}` of Smithery Connect.

        A row is `{"id", "namespace", "name", "url", "transport", "state", "message", "setup_url", "missing":
        {"headers", "query"}, "created_at", "made_here", "used_by"}`; `state` is connected, disconnected, error,
        auth_required, input_required, or a word we do not know.
        """
        ...

    async def connect_show(self, connection: str, *, namespace: str | None = None) -> Json:
        """One row of `connect_list`."""
        ...

    async def connect_add(
        self, name: str, *, connection: str | None = None, namespace: str | None = None, replace: bool = False
    ) -> Json:
        """The row of the connection that was made or updated; nothing is installed."""
        ...

    async def connect_remove(self, connection: str, *, namespace: str | None = None) -> Json:
        """`{"namespace", "removed": id}`; UsageError when an installed server uses it."""
        ...

    async def connect_tools(self, connection: str, *, namespace: str | None = None) -> Json:
        """`{"namespace", "connection", "tools": [{"name", "description"}]}`."""
        ...

    async def connect_namespaces(self) -> Json:
        """`{"namespaces": [{"name", "chosen"}], "chosen": str | null}`."""
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
