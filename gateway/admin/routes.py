"""The one table of the API: verb, method, path, parameters. Server, client and OpenAPI are made from it. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PREFIX = "/api/v1"

Kind = Literal["string", "integer", "number", "boolean", "object", "strings"]
Place = Literal["path", "query", "body"]
LONG_S = 600.0


@dataclass(frozen=True, slots=True)
class Param:
    """One argument of a verb: its name is the keyword of the coroutine in `ports.py`."""

    name: str
    place: Place
    kind: Kind = "string"
    required: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """One verb on HTTP. `streams` are told as NDJSON when the client accepts `application/x-ndjson`.

    `offline` verbs work in-process while no daemon runs; `timeout_s` is how long a client waits for (a line of) the
    answer.
    """

    verb: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    about: str
    params: tuple[Param, ...] = ()
    offline: bool = False
    streams: bool = False
    timeout_s: float = 60.0


def _query(name: str, kind: Kind = "string", *, required: bool = False, about: str = "") -> Param:
    return Param(name, "query", kind, required, about)


def _body(name: str, kind: Kind = "string", *, required: bool = False, about: str = "") -> Param:
    return Param(name, "body", kind, required, about)


def _path(name: str) -> Param:
    return Param(name, "path", "string", required=True)


_DRY_RUN = _body("dry_run", "boolean", about="say what would be done, do nothing")
_ALLOW_FRESH = _body("allow_fresh", "boolean", about="accept a release younger than install.cooldown_days (recorded)")
_AGENT = _query("agent", about="as this agent sees it")
_RUN = _query("run", about="in this run")
_LIMIT = _query("limit", "integer", about="at most this many")
_NAMESPACE = _query("namespace", about="instead of [smithery] namespace, or the account's first")
_VIA = _body("via", about="direct, or connect: a remote server of Smithery through Smithery Connect")
_WHICH = "token (the agents') or admin-token"
_WHICH_TOOLS = "only these tools; @server is the server's title and instructions"

CATALOGUE: tuple[Route, ...] = (
    Route("search", "GET", "/search", "Find servers in all sources.",
          (_query("query", required=True), _query("source", about="smithery, registry or starter"), _LIMIT,
           _query("verified", "boolean", about="verified servers only, or the others only"),
           _query("remote", "boolean", about="servers that run elsewhere, or here"),
           _query("namespace", about="servers of this owner only"),
           _query("offline", "boolean", about="ask no registry: what is remembered"),
           _query("filters", about="Smithery's own, as repoOwner=acme&repoName=echo: it alone is asked")),
          offline=True),
    Route("show", "GET", "/show", "One listing in full.", (_query("name", required=True),), offline=True),
    Route("install", "POST", "/install", "Plan, check, fetch, pin, shake hands once, register.",
          (_body("name", required=True, about="a reference such as npm:pkg@1.2.3 or a listing's name"),
           _body("alias", about="our own short name for it"),
           _body("settings", "object"), _body("secrets", "object", about="name to value; never returned"),
           _DRY_RUN, _ALLOW_FRESH, _VIA), offline=True, streams=True, timeout_s=LONG_S),
    Route("install_many", "POST", "/install-many", "Install several servers side by side.",
          (_body("names", "strings", required=True, about="references"), _DRY_RUN, _ALLOW_FRESH),
          offline=True, streams=True, timeout_s=LONG_S),
    Route("upgrade", "POST", "/upgrade", "Move one server, or all, to the newest allowed version, side by side.",
          (_body("name"), _DRY_RUN, _ALLOW_FRESH,
           _body("approve", "boolean", about="accept the changed tool definitions that the result shows")),
          offline=True, streams=True, timeout_s=LONG_S),
    Route("rollback", "POST", "/servers/{name}/rollback", "Go back to what was installed under a name before.",
          (_path("name"),), offline=True, streams=True, timeout_s=LONG_S),
    Route("sync", "POST", "/sync", "Copy what changed in the official registry since the last time.",
          (_body("full", "boolean", about="read everything again"),), offline=True, streams=True, timeout_s=LONG_S),
    Route("list_servers", "GET", "/servers", "What is installed or configured.", offline=True),
    Route("remove", "DELETE", "/servers/{name}", "Forget an installed server.",
          (_path("name"), _query("data", "boolean", about="its private folder as well")), offline=True),
    Route("approve", "POST", "/servers/{name}/approve", "Accept changed tool definitions.",
          (_path("name"), _body("tools", "strings", about=_WHICH_TOOLS),
           _body("dry_run", "boolean", about="only show what changed")), offline=True),
    Route("reject", "POST", "/servers/{name}/reject", "Say no to changed tool definitions, once and for all.",
          (_path("name"), _body("tools", "strings", about=_WHICH_TOOLS)), offline=True),
    Route("record", "GET", "/servers/{name}/record", "What is installed: packages, hashes, pins, command, labels.",
          (_path("name"), _query("format", about="json (the default) or cyclonedx")), offline=True),
    Route("requests", "GET", "/requests", "What agents asked to have installed; those that wait come first.",
          (_query("state", about="pending, approved, denied, installed or failed"),), offline=True),
    Route("request_decide", "POST", "/requests/{request}", "Say yes or no to an agent's request.",
          (_path("request"), _body("approve", "boolean", required=True)), offline=True),
    Route("connect_list", "GET", "/connect/connections", "Connections of Smithery Connect.",
          (_NAMESPACE, _query("name"), _query("url", about="only connections to this address")), offline=True),
    Route("connect_show", "GET", "/connect/connections/{connection}", "One connection.",
          (_path("connection"), _NAMESPACE), offline=True),
    Route("connect_add", "POST", "/connect/connections", "Connect a server of Smithery; it is not installed here.",
          (_body("name", required=True, about="acme/echo, or an https address"),
           _body("connection", about="its id"), _body("namespace"),
           _body("replace", "boolean", about="delete one of that id that leads elsewhere")), offline=True),
    Route("connect_remove", "DELETE", "/connect/connections/{connection}", "Delete a connection that nobody uses.",
          (_path("connection"), _NAMESPACE), offline=True),
    Route("connect_tools", "GET", "/connect/connections/{connection}/tools", "The tools behind a connection.",
          (_path("connection"), _NAMESPACE), offline=True),
    Route("connect_namespaces", "GET", "/connect/namespaces", "The account's namespaces.", offline=True),
    Route("secret_list", "GET", "/secrets", "Names of the secrets kept; never values.", (_query("server"),),
          offline=True),
    Route("secret_set", "PUT", "/secrets/{server}/{key}", "Keep a secret for one server.",
          (_path("server"), _path("key"), _body("value", required=True)), offline=True),
    Route("secret_remove", "DELETE", "/secrets/{server}/{key}", "Forget a secret.", (_path("server"), _path("key")),
          offline=True),
)  # fmt: skip

SERVERS: tuple[Route, ...] = (
    Route("status", "GET", "/status", "The daemon and its servers now."),
    Route("start", "POST", "/servers/{name}/start", "Start a stopped or failed server.", (_path("name"),)),
    Route("stop", "POST", "/servers/{name}/stop", "Stop a server until it is started.", (_path("name"),)),
    Route("restart", "POST", "/servers/{name}/restart", "Stop and start a server.", (_path("name"),)),
    Route("logs", "GET", "/servers/{name}/logs", "The newest lines of a server's stderr; as NDJSON: and what follows.",
          (_path("name"), _query("lines", "integer")), streams=True),
    Route("deaths", "GET", "/deaths", "How servers ended although they were wanted, newest first.",
          (_query("name", about="of this server only"), _LIMIT), offline=True),
)  # fmt: skip

USE: tuple[Route, ...] = (
    Route("tools", "GET", "/tools", "What an agent would be offered now, with scores and why.",
          (_query("query"), _AGENT, _RUN)),
    Route("call", "POST", "/call", "Call one tool; the answer is the MCP result.",
          (_body("tool", required=True), _body("arguments", "object", required=True), _body("agent"), _body("run")),
          timeout_s=LONG_S),
    Route("calls", "GET", "/calls", "The ledger, newest first.",
          (_AGENT, _RUN, _query("tool"), _query("since", about="RFC 3339, or a span such as 2h"), _LIMIT)),
    Route("runs", "GET", "/runs", "Runs, newest first.", (_LIMIT,)),
    Route("feedback", "POST", "/feedback", "Rate a call; answered when it is committed.",
          (_body("call_id", required=True), _body("score", "number", required=True, about="0..1"), _body("comment"))),
)  # fmt: skip

LEARN: tuple[Route, ...] = (
    Route("learn_status", "GET", "/learn/status", "The policy and its learner."),
    Route("learn_train", "POST", "/learn/train", "Train now.", timeout_s=LONG_S),
    Route("learn_evaluate", "POST", "/learn/evaluate", "Off-policy estimates with intervals.", timeout_s=LONG_S),
    Route("learn_report", "GET", "/learn/report", "What is believed of each tool, and why.", timeout_s=LONG_S),
)

OPERATE: tuple[Route, ...] = (
    Route("config_show", "GET", "/config", "File and installed servers as TOML.", offline=True),
    Route("config_reload", "POST", "/config/reload", "Apply a changed file; a bad one is refused whole."),
    Route("token_show", "GET", "/token", "The bearer token.", (_query("which", about=_WHICH),), offline=True),
    Route("token_rotate", "POST", "/token/rotate", "Make a new token; the old one is void at once.",
          (_body("which", about=_WHICH),), offline=True),
    Route("doctor", "GET", "/doctor", "What is missing on this machine.", offline=True),
    Route("massgen_block", "GET", "/massgen/block", "The YAML block for MassGen.", (_query("agents", "strings"),),
          offline=True),
)  # fmt: skip

ROUTES: tuple[Route, ...] = CATALOGUE + SERVERS + USE + LEARN + OPERATE


def route_of(verb: str) -> Route:
    """Find a verb's route.

    Raises: KeyError for a verb that is not in the table.
    """
    for route in ROUTES:
        if route.verb == verb:
            return route
    raise KeyError(verb)
