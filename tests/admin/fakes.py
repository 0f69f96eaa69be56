"""A daemon's verbs without a daemon: answers of the contract's shapes, and a record of what was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import anyio
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.admin.api import build_admin
from gateway.admin.ports import Progress, RunningVerbs
from gateway.admin.web.session import UiKeys
from gateway.clock import SystemClock
from gateway.errors import GatewayError, NotFound, UsageError
from tests.admin.rows import HOSTILE, connection_row, death_row, server_row
from tests.admin.threads import port_of, serving

Json = dict[str, Any]
ADMIN_TOKEN = "the-admin-token"


def _nobody(_: Json) -> None:
    """Nobody watches."""


class FakeVerbs:
    """Satisfies `RunningVerbs`. `errors` makes a verb fail; `asked` tells what was asked with which keywords."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Json]] = []
        self.errors: dict[str, Exception] = {}
        self.servers = [server_row("time"), server_row("git", state="backoff", reason="exit 1", next_retry_s=4.0)]
        self.tool_rows: list[Json] = [
            {"name": "time__now", "server": "time", "tool": "now", "score": 0.8, "relevance": 0.7, "reliability": 0.9,
             "n": 12, "listed": True, "why": "relevant"},
        ]  # fmt: skip
        self.request_rows: list[Json] = [
            {"id": "r-1", "at": "2026-11-25T10:00:00Z", "agent": "ann", "run": "run-1", "name": "acme/echo",
             "state": "pending", "decided_at": None, "message": HOSTILE},
        ]  # fmt: skip
        self.call_result: Json = {"content": [{"type": "text", "text": "hello"}]}
        self.death_rows = [death_row("git")]
        self.log_lines = ["first", "second"]
        self.followed = ["third", "fourth"]
        self.install_gate: anyio.Event | None = None
        self.failed: list[Json] = []  # of an upgrade
        self.rolled_back: list[Json] = []
        self.cancelled = anyio.Event()

    def _done(self, verb: str, result: Json, given: Json) -> Json:
        self.asked.append((verb, {name: value for name, value in given.items() if value is not None}))
        if verb in self.errors:
            raise self.errors[verb]
        return result

    async def status(self) -> Json:
        result = {"version": "1.2.3", "pid": 1, "url": "http://127.0.0.1:8808", "uptime_s": 12.0, "ready": True,
                  "policy": {"mode": "on", "version": "v7"}, "servers": self.servers}  # fmt: skip
        return self._done("status", result, {})

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
        item = {"name": "acme/echo", "source": "smithery", "sources": ["smithery"], "display_name": "Echo",
                "description": HOSTILE, "remote": False, "verified": True, "use_count": 10, "installed": False,
                "compatible": False, "reasons": ["needs node 22"], "score": 0.5, "why": ["word match"]}  # fmt: skip
        sources = [{"name": "smithery", "state": "stale", "age_s": 60.0, "message": "no answer"}]
        given = {"query": query, "source": source, "limit": limit, "verified": verified, "remote": remote,
                 "namespace": namespace, "offline": offline or None, "filters": filters}  # fmt: skip
        return self._done("search", {"items": [item], "sources": sources, "nearest": []}, given)

    async def show(self, name: str) -> Json:
        if name == "acme/ech":
            raise NotFound("no server acme/ech", fix="Did you mean acme/echo?")
        releases = [{"version": f"1.{n}.0", "status": "active" if n else "deleted"} for n in reversed(range(12))]
        no, fits = {"compatible": False, "reasons": ["needs node 22"]}, {"compatible": True, "chosen": True}
        checks = [{"what": "runtime", "state": "failed", "message": "needs node 22", "fix": "Install node 22."}]
        connections = [no, fits, {**fits, "chosen": False}]
        result = {"name": name, "tools": [{"name": "echo"}], "command": ["npm", "ci"], "versions": releases,
                  "checks": checks, "connections": connections, "status": "deprecated", "status_message": "use another",
                  "status_changed_at": "2026-03-04"}  # fmt: skip
        return self._done("show", result, {"name": name})

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
        if progress:
            progress({"step": "fetch", "message": name, "done": 1, "total": 2})
        if self.install_gate is not None:
            await self._wait_at_the_gate(self.install_gate)
        given = {"name": name, "alias": alias, "settings": dict(settings or {}), "secrets": dict(secrets or {}),
                 "dry_run": dry_run, "allow_fresh": allow_fresh,
                 "via": None if via == "direct" else via}  # fmt: skip
        result = {"name": alias or "echo", "from": name, "origin": "cli", "version": "1", "sha256": None, "tools": 3,
                  "warnings": [], "plan": {"steps": []}}  # fmt: skip
        return self._done("install", result, given)

    async def _wait_at_the_gate(self, gate: anyio.Event) -> None:
        try:
            await gate.wait()
        except BaseException:
            self.cancelled.set()
            raise

    async def upgrade(
        self,
        name: str | None = None,
        *,
        dry_run: bool = False,
        allow_fresh: bool = False,
        approve: bool = False,
        progress: Progress | None = None,
    ) -> Json:
        changes = {"version": {"before": "1", "after": "2"},
                   "command": {"before": ["node", "a"], "after": ["node", "b"]},
                   "environment": {"added": ["MODE"], "removed": []}, "settings": {"added": [], "removed": []},
                   "secrets": {"added": [], "removed": ["KEY"]},
                   "tools": {"added": ["new"], "removed": ["old"], "instructions_changed": True,
                             "changed": [{"tool": "t", "before": {"a": 1}, "after": {"a": HOSTILE},
                                          "diff": [f"a: 1 -> {HOSTILE}"] * 13}]}}  # fmt: skip
        moved = {"name": "echo", "before": "1", "after": "2", "changes": changes, "quarantined": 1}
        result = {"upgraded": [moved], "unchanged": [{"name": "same", "version": "1"}], "failed": self.failed,
                  "rolled_back": self.rolled_back, "freed_bytes": 0}  # fmt: skip
        given = {"name": name, "dry_run": dry_run, "allow_fresh": allow_fresh, "approve": approve}
        return self._done("upgrade", result, given)

    async def install_many(
        self,
        names: Sequence[str],
        *,
        dry_run: bool = False,
        allow_fresh: bool = False,
        progress: Progress | None = None,
    ) -> Json:
        for name in names:
            (progress or _nobody)({"step": "fetch", "message": "downloading", "done": 2, "total": 4, "server": name})
        results: list[Json] = [
            {"reference": name, "ok": False, "error": {"code": "not_found", "message": f"no {name}", "fix": "look"}}
            if name.startswith("bad")
            else {"reference": name, "ok": True, "name": name, "from": name, "version": "1", "tools": 3, "warnings": []}
            for name in names
        ]
        return self._done(
            "install_many", {"results": results}, {"names": list(names), "dry_run": dry_run, "allow_fresh": allow_fresh}
        )

    async def rollback(self, name: str, *, progress: Progress | None = None) -> Json:
        return self._done("rollback", {"name": name, "before": "2", "after": "1", "changes": {}}, {"name": name})

    async def remove(self, name: str, *, data: bool = False) -> Json:
        result = {"removed": name, "freed_bytes": 2048, "data_kept": None if data else f"/state/data/{name}"}
        return self._done("remove", result, {"name": name, "data": data})

    async def sync(self, *, full: bool = False, progress: Progress | None = None) -> Json:
        if progress:
            progress({"step": "sync", "message": "100 servers read", "done": 100, "total": None})
        result = {"source": "registry", "full": full, "since": None if full else "2026-01-02T03:04:05.000Z",
                  "resumed": False, "servers": 100, "withdrawn": 2, "skipped": 0, "pages": 1, "took_s": 0.5,
                  "at": "2026-01-02T03:04:05.000Z"}  # fmt: skip
        return self._done("sync", result, {"full": full})

    async def list_servers(self) -> Json:
        row = {"name": "echo", "from": "npm:echo@1", "origin": "cli", "version": "1", "sha256": None,
               "installed_at": "2026-01-02T03:04:05.000Z", "pinned_tools": 3}  # fmt: skip
        return self._done("list_servers", {"servers": [row]}, {})

    async def approve(self, name: str, *, tools: Sequence[str] = (), dry_run: bool = False) -> Json:
        label = {"kind": "instruction_tag", "tool": "t", "where": "description", "excerpt": "x", "message": HOSTILE}
        changes = [{"tool": "t", "before": {}, "after": {"a": 1}, "diff": ["description:", "  - old", "  + new"],
                    "labels": [label], "rejected": False},
                   {"tool": None, "before": None, "after": {"title": "T"}, "diff": ["title:", "  + T"], "labels": [],
                    "rejected": True}]  # fmt: skip
        given = {"name": name, "tools": list(tools) or None, "dry_run": dry_run}
        return self._done("approve", {"server": name, "approved": 1, "changes": changes}, given)

    async def reject(self, name: str, *, tools: Sequence[str] = ()) -> Json:
        result = {"server": name, "rejected": 1, "hidden_tools": ["t"]}
        return self._done("reject", result, {"name": name, "tools": list(tools) or None})

    async def record(self, name: str, *, format: str = "json") -> Json:  # noqa: A002
        result = {
            "name": name, "from": f"npm:{name}@1.0.0", "origin": "cli", "version": "1.0.0", "sha256": "a" * 64,
            "installed_at": "2026-01-02T03:04:05.000Z", "command": {"argv": ["node", "x.js"], "cwd": "/d"},
            "environment": ["HOME"], "secrets": ["API_KEY"], "allow_fresh": True, "warnings": [HOSTILE],
            "packages": [{"name": "x", "version": "1.0.0", "integrity": ["sha512-x"]}], "files": [], "altered": [],
            "runtimes": {"node": "20.1.0"}, "pins": [{"tool": "t", "sha256": "b" * 64, "approved_at": None}],
            "waiting": [], "labels": [{"kind": "cross_tool", "message": HOSTILE}],
        }  # fmt: skip
        return self._done("record", result, {"name": name, "format": format})

    async def deaths(self, *, name: str | None = None, limit: int = 50) -> Json:
        rows = [row for row in self.death_rows if name in {None, row["server"]}]
        return self._done("deaths", {"deaths": rows}, {"name": name, "limit": limit})

    async def requests(self, *, state: str | None = None) -> Json:
        return self._done("requests", {"requests": self.request_rows}, {"state": state})

    async def request_decide(self, request: str, approve: bool) -> Json:
        row = {**self.request_rows[0], "id": request, "state": "approved" if approve else "denied"}
        return self._done("request_decide", {"request": row}, {"request": request, "approve": approve})

    async def connect_list(
        self, *, namespace: str | None = None, name: str | None = None, url: str | None = None
    ) -> Json:
        rows = [connection_row(), connection_row(id="mail", state="auth_required", setup_url="https://acme.example/in")]
        given = {"namespace": namespace, "name": name, "url": url}
        return self._done("connect_list", {"namespace": namespace or "my-app", "connections": rows}, given)

    async def connect_show(self, connection: str, *, namespace: str | None = None) -> Json:
        given = {"connection": connection, "namespace": namespace}
        return self._done("connect_show", connection_row(id=connection), given)

    async def connect_add(
        self, name: str, *, connection: str | None = None, namespace: str | None = None, replace: bool = False
    ) -> Json:
        given = {"name": name, "connection": connection, "namespace": namespace, "replace": replace}
        return self._done("connect_add", connection_row(id=connection or "made-1"), given)

    async def connect_remove(self, connection: str, *, namespace: str | None = None) -> Json:
        given = {"connection": connection, "namespace": namespace}
        return self._done("connect_remove", {"namespace": "my-app", "removed": connection}, given)

    async def connect_tools(self, connection: str, *, namespace: str | None = None) -> Json:
        tools = [{"name": "echo", "description": HOSTILE}]
        result = {"namespace": "my-app", "connection": connection, "tools": tools}
        return self._done("connect_tools", result, {"connection": connection, "namespace": namespace})

    async def connect_namespaces(self) -> Json:
        rows = [{"name": "my-app", "chosen": True}, {"name": "other", "chosen": False}]
        return self._done("connect_namespaces", {"namespaces": rows, "chosen": "my-app"}, {})

    async def secret_set(self, server: str, key: str, value: str) -> Json:
        return self._done(
            "secret_set", {"server": server, "key": key, "set": True}, {"server": server, "key": key, "value": value}
        )

    async def secret_list(self, server: str | None = None) -> Json:
        return self._done("secret_list", {"secrets": [{"server": "echo", "key": "API_KEY"}]}, {"server": server})

    async def secret_remove(self, server: str, key: str) -> Json:
        return self._done(
            "secret_remove", {"server": server, "key": key, "removed": True}, {"server": server, "key": key}
        )

    async def config_show(self) -> Json:
        return self._done("config_show", {"toml": "[gateway]\nport = 8808\n", "file": None}, {})

    async def token_show(self, which: str = "token") -> Json:
        return self._done("token_show", {"which": which, "token": f"value-of-{which}", "file": None}, {"which": which})

    async def token_rotate(self, which: str = "token") -> Json:
        return self._done("token_rotate", {"which": which, "token": "new", "file": None}, {"which": which})

    async def doctor(self) -> Json:
        checks = [{"name": "node", "state": "failed", "message": "node is missing.", "fix": "Install Node 20."}]
        return self._done("doctor", {"ok": False, "checks": checks}, {})

    async def massgen_block(self, agents: Sequence[str] = ()) -> Json:
        return self._done("massgen_block", {"yaml": "agents: []\n", "url": "http://x/mcp"}, {"agents": list(agents)})

    async def start(self, name: str) -> Json:
        return self._ordered("start", name, "starting")

    async def stop(self, name: str) -> Json:
        return self._ordered("stop", name, "stopping")

    async def restart(self, name: str) -> Json:
        return self._ordered("restart", name, "stopping")

    def _ordered(self, verb: str, name: str, state: str) -> Json:
        return self._done(verb, {"server": name, "state": state, "health": "healthy", "reason": ""}, {"name": name})

    async def logs(self, name: str, *, lines: int = 200) -> Json:
        if name not in {row["name"] for row in self.servers}:
            raise NotFound(f"no server {name}", fix="See: mcp-gateway status")
        return self._done("logs", {"server": name, "lines": self.log_lines}, {"name": name, "lines": lines})

    async def follow_logs(self, name: str) -> AsyncIterator[str]:
        for line in self.followed:
            yield f"{name}: {line}"

    async def tools(self, *, query: str | None = None, agent: str | None = None, run: str | None = None) -> Json:
        result = {"decision_id": None, "policy_version": "v7", "mode": "ranked", "tools": self.tool_rows}
        return self._done("tools", result, {"query": query, "agent": agent, "run": run})

    async def call(
        self, tool: str, arguments: Mapping[str, Any], *, agent: str | None = None, run: str | None = None
    ) -> Json:
        given = {"tool": tool, "arguments": dict(arguments), "agent": agent, "run": run}
        return self._done("call", self.call_result, given)

    async def calls(
        self, *, agent: str | None = None, run: str | None = None, tool: str | None = None, since: str | None = None,
        limit: int = 50,
    ) -> Json:  # fmt: skip
        row = {"call_id": "c1", "at": "2026-01-02T03:04:05.000Z", "exposed": "time__now", "outcome": "ok",
               "latency_s": 0.012, "agent": "a", "run": "r", "round": 1, "via": "direct"}  # fmt: skip
        given = {"agent": agent, "run": run, "tool": tool, "since": since, "limit": limit}
        return self._done("calls", {"calls": [row]}, given)

    async def runs(self, *, limit: int = 50) -> Json:
        row = {"run": "r", "agents": ["a", "b"], "calls": 3, "failed": 1, "first_at": None, "last_at": None}
        return self._done("runs", {"runs": [row]}, {"limit": limit})

    async def feedback(self, call_id: str, score: float, *, comment: str = "") -> Json:
        if not 0 <= score <= 1:
            raise UsageError("a score is 0..1", fix="Give one.")
        given = {"call_id": call_id, "score": score, "comment": comment}
        return self._done("feedback", {"id": "f1", "call_id": call_id, "score": score}, given)

    async def learn_status(self) -> Json:
        window = {"from": "2026-01-02T03:04:05Z", "to": "2026-01-02T04:04:05Z", "calls": 9, "reward": 0.5,
                  "static": 0.4, "lo": -0.1, "hi": 0.3}  # fmt: skip
        result = {"mode": "on", "version": "v7", "serving_since": None, "experiences": 9, "pending": 0,
                  "learner": {"state": "idle", "pid": None, "rss_bytes": None}, "windows": [window], "loss": None,
                  "grad_norm": None, "entropy": None, "ece": None, "breakers": []}  # fmt: skip
        return self._done("learn_status", result, {})

    async def learn_train(self) -> Json:
        return self._done("learn_train", {"trained": 9, "loss": 0.1, "grad_norm": 1.0, "version": "v8"}, {})

    async def learn_evaluate(self) -> Json:
        row = {"policy": "v8", "estimator": "snips", "value": 0.5, "lo": 0.4, "hi": 0.6, "ess": 80.0, "n": 100}
        return self._done("learn_evaluate", {"estimates": [row], "promote": False, "reason": "too few"}, {})

    async def learn_report(self) -> Json:
        status = await self.learn_status()
        return self._done(
            "learn_report",
            {**status, "tools": [{"name": "t", "score": 0.2, "reliability": 0.9, "n": 4, "why": "it works"}]},
            {},
        )

    async def config_reload(self) -> Json:
        return self._done(
            "config_reload", {"file": "f", "changed": ["a"], "added": [], "removed": [], "unchanged": 2}, {}
        )


_: RunningVerbs = FakeVerbs()


def ui_keys(clock: Any = None) -> UiKeys:
    """Keys of the page whose admin token is `ADMIN_TOKEN`."""
    return UiKeys(b"k" * 32, lambda token: token == ADMIN_TOKEN, clock or SystemClock())


def admin_app(verbs: FakeVerbs) -> ASGIApp:
    """The app over these verbs, without anybody in front."""
    return build_admin(verbs, version="1.2.3", ui=ui_keys())


class TokenGate:
    """Stands where the daemon's gate stands: 401 without the admin token, in the daemon's words."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers") or [])
        if scope["type"] == "http" and headers.get(b"authorization") != f"Bearer {ADMIN_TOKEN}".encode():
            body = {"error": {"code": "unauthorized", "message": "wrong token", "fix": ""}}
            return await JSONResponse(body, 401)(scope, receive, send)
        return await self._app(scope, receive, send)


@contextmanager
def running_admin(verbs: FakeVerbs) -> Iterator[str]:
    """Serve the API on a real socket in a thread; give its URL."""
    with serving(TokenGate(admin_app(verbs))) as server:
        yield f"http://127.0.0.1:{port_of(server)}"


def failing(code: str, *, error: type[GatewayError] = GatewayError) -> GatewayError:
    """An error with a code and a fix."""
    return error(f"it failed: {code}", fix="Do it better.", code=code)
