"""The parts of the status page, each made from one verb's JSON. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from gateway.admin.location import endpoint_url
from gateway.admin.web import standing, words
from gateway.admin.web.html import Html, element, joined, table, text
from gateway.admin.web.server_sections import meter, server_path
from gateway.admin.web.tones import badge

Json = Mapping[str, Any]


def summary(status: Json) -> Html:
    """The first line: ready or not, since when, which policy serves."""
    servers: Sequence[Json] = status.get("servers") or []
    ready = sum(1 for server in servers if server.get("state") == "ready")
    policy: Json = status.get("policy") or {}
    state = (
        element("span", "ready", class_="badge good")
        if status.get("ready")
        else element("span", "not ready", class_="badge warn")
    )
    facts = [
        ("Gateway", joined([state, f" version {words.plain(status.get('version'))}"])),
        ("Servers", f"{ready} of {len(servers)} ready"),
        ("Tools", sum(int(server.get("tools") or 0) for server in servers)),
        ("Policy", f"{words.plain(policy.get('mode'))}, version {words.plain(policy.get('version'))}"),
        ("Up", words.span(status.get("uptime_s"))),
        ("Process", words.plain(status.get("pid"))),
    ]
    return element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in facts))


def servers_table(status: Json) -> Html:
    """Every server: state, health, why, what comes next, and what its process costs."""
    # So few columns that all are seen at 1280 pixels: what is read second stands small below what is read first.
    head = ("Server", "State", "Health", "Why, and what comes next", "Tools", "Restarts", "Memory", "CPU", "Sandbox")
    rows = [_server_row(server) for server in status.get("servers") or []]
    return table(
        "Refreshed every two seconds",
        head,
        rows,
        empty="No servers yet. Find one with: mcp-gateway search, then mcp-gateway install.",
    )


def _server_row(server: Json) -> list[object]:
    cpu = server.get("cpu_percent")
    return [
        _name(server),
        _state(server),
        badge(server.get("health")),
        element("div", _why(server), class_="why"),
        _tool_count(server),
        _restarts(server),
        _memory(server),
        element("span", f"{cpu:.0f} %" if isinstance(cpu, int | float) else words.NOTHING, class_="whole"),
        _sandbox(server),
    ]


def _name(server: Json) -> Html:
    name, source = server.get("name"), server.get("from")
    if not name:
        return text(words.NOTHING)
    below = element("small", source, class_="short", title=source) if source else ""
    return joined([element("a", name, href=server_path(name)), below])


def _state(server: Json) -> Html:
    up_s = server.get("uptime_s")
    below = element("small", f"up {words.span(up_s)}", class_="whole") if isinstance(up_s, int | float) else ""
    return joined([badge(server.get("state")), below])


def _restarts(server: Json) -> Html:
    count, _, causes = standing.restarts(server).partition(" ")
    return joined([count, element("small", causes.strip("()")) if causes else ""])


def _sandbox(server: Json) -> Html:
    level, _, network = standing.sandbox(server).partition(", ")
    return joined([level, element("small", network, class_="whole") if network else ""])


def _memory(server: Json) -> Html:
    limited = [one for one in standing.usage(server) if one[0] == "memory"]
    if not limited:
        return element("span", words.size(server.get("rss_bytes")), class_="whole")
    _, used, most, spelled = limited[0]
    used_now, _, of = spelled.partition(" of ")
    now = element("span", meter(used, most, used_now), class_="whole")
    return joined([now, element("small", f"of {of}", class_="whole")])


def _why(server: Json) -> Html:
    parts: list[object] = [standing.why(server)]
    last: Json | None = server.get("last_exit")
    if last and not server.get("resting"):
        how = last.get("signal") or (f"status {last['code']}" if last.get("code") is not None else "")
        told = (last.get("cause"), how, last.get("reason"), words.clock_time(last.get("at")))
        parts.append(element("small", f"last exit: {', '.join(str(part) for part in told if part)}"))
    return joined(parts)


def _tool_count(server: Json) -> Html:
    quarantined = int(server.get("quarantined_tools") or 0)
    if not quarantined:
        return text(words.plain(server.get("tools")))
    held = element("span", f"{quarantined} quarantined", class_="badge bad")
    return joined([words.plain(server.get("tools")), " ", held])


def tools_table(tools: Json) -> Html:
    """What an agent would be offered now, with scores and why."""
    head = ("Tool", "Server", "Score", "Relevance", "Reliability", "Calls", "Listed", "Why")
    rows = [
        [
            tool.get("name") or words.NOTHING,
            words.plain(tool.get("server")),
            words.decimal(tool.get("score")),
            words.decimal(tool.get("relevance")),
            _reliability(tool.get("reliability")),
            words.plain(tool.get("n")),
            words.plain(tool.get("listed")),
            words.plain(tool.get("why")),
        ]
        for tool in tools.get("tools") or []
    ]
    mode, version = words.plain(tools.get("mode")), words.plain(tools.get("policy_version"))
    return table(
        f"Tools in the order of mode {mode}, policy {version}", head, rows, empty="No tools yet: no server is ready."
    )


def _reliability(value: Any) -> Html:
    if not isinstance(value, int | float):
        return text(words.NOTHING)
    bar = element(
        "meter", f"{value:.2f}", min=0, max=1, low=0.5, high=0.8, optimum=1, value=f"{value:.4f}", aria_hidden="true"
    )
    return joined([bar, f" {value:.2f}"])


def calls_table(calls: Json) -> Html:
    """The newest calls. Neither arguments nor results: they are kept nowhere."""
    head = ("Time (UTC)", "Tool", "Outcome", "Latency", "Agent", "Run", "Round", "By", "Call id")
    rows = [
        [
            words.clock_time(call.get("at")),
            words.plain(call.get("exposed") or call.get("tool")),
            badge(call.get("outcome")),
            words.milliseconds(call.get("latency_s")),
            words.plain(call.get("agent")),
            words.plain(call.get("run")),
            words.plain(call.get("round")),
            words.plain(call.get("via")),
            element("code", words.plain(call.get("call_id"))),
        ]
        for call in calls.get("calls") or []
    ]
    return table("The newest first; arguments and results are kept nowhere", head, rows, empty="No calls yet.")


def requests_table(requests: Json) -> Html:
    """What agents asked to have installed; those that wait have a yes and a no."""
    head = ("Server", "State", "Agent", "Run", "Asked (UTC)", "What it means", "Decide")
    rows = [
        [
            row.get("name") or words.NOTHING,
            badge(row.get("state")),
            words.plain(row.get("agent")),
            words.plain(row.get("run")),
            words.clock_time(row.get("at")),
            words.plain(row.get("message")),
            _decide(row),
        ]
        for row in requests.get("requests") or []
    ]
    return table("Waiting ones first; what is approved is installed at once", head, rows, empty="No agent has asked.")


def _decide(row: Json) -> Html:
    choices = {"pending": ("approve", "deny"), "failed": ("approve", "deny")}.get(str(row.get("state")), ())
    return joined(
        [
            element(
                "form",
                element("button", f"{choice.title()}", type="submit", aria_label=f"{choice} {row.get('name')}"),
                method="post",
                action=f"/ui/requests/{quote(str(row.get('id')), safe='')}/{choice}",
            )
            for choice in choices
        ]
    )


def connect(status: Json, block: Json) -> Html:
    """How to use this gateway: its address and the block for MassGen."""
    address = element("p", "MCP endpoint: ", element("code", endpoint_url(str(status.get("url") or ""))))
    yaml = element(
        "pre", element("code", str(block.get("yaml") or "")), tabindex="0", aria_label="MassGen configuration"
    )
    return joined([address, element("details", element("summary", "Configuration for MassGen"), yaml)])


def trouble(message: str, fix: str) -> Html:
    """A part that cannot be shown now, and what to do."""
    return element("p", message, " ", fix, class_="trouble")
