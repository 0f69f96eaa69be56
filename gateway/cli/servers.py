"""start, stop, restart, status, logs: the running daemon's children."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import click

from gateway.admin.location import endpoint_url
from gateway.admin.web import standing, words
from gateway.cli.output import GAP, clean, coloured, say, table
from gateway.cli.session import Session, verb
from gateway.cli.standing import describe_server
from gateway.errors import NotFound, NotRunning, UsageError

Json = dict[str, Any]
CLEAR_SCREEN = "\x1b[H\x1b[2J\x1b[3J"


@click.command()
@click.argument("name", required=False)
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--interval", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True, help="Seconds, for --watch."
)
@verb
def status(session: Session, name: str | None, watch: bool, interval: float) -> None:
    """Show the gateway and its servers, or server NAME in full."""
    if not watch:
        session.show(_asked(session, name), lambda result: _described(result, name))
        return
    if session.as_json:
        raise UsageError("--watch and --json exclude each other", fix="Leave one of them out.")
    pause = threading.Event()
    while True:
        say(CLEAR_SCREEN + "\n".join(_watched(session, name)))
        pause.wait(interval)


def _asked(session: Session, name: str | None) -> Json:
    """The status, with one server only if that is named."""
    result = session.ask("status")
    return result if name is None else _asked_of(result, name)


def _asked_of(result: Json, name: str) -> Json:
    rows = [row for row in result.get("servers") or [] if row.get("name") == name]
    pending = [row for row in result.get("pending") or [] if row.get("name") == name]
    if not rows and not pending:
        raise NotFound(f"no server called {name[:60]!r}", fix="See: mcp-gateway status")
    return {**result, "servers": rows, "pending": pending}


def _described(result: Json, name: str | None) -> Iterable[str]:
    if name is None:
        return describe_status(result)
    return describe_server(result["servers"][0]) if result["servers"] else _pending(result["pending"])


def _watched(session: Session, name: str | None) -> list[str]:
    try:
        return list(_described(_asked(session, name), name))
    except (NotRunning, NotFound) as exc:
        return [f"{exc.message} (still watching)"]


def describe_status(result: Json) -> Iterable[str]:
    """Spell the status for people."""
    policy: Json = result.get("policy") or {}
    parts = [
        f"mcp-gateway {result.get('version')}",
        coloured("ready") if result.get("ready") else _not_ready(result.get("not_ready") or ["starting"]),
        endpoint_url(str(result.get("url") or "")),
        f"pid {result.get('pid')}",
        f"up {words.span(result.get('uptime_s'))}",
        f"policy {words.plain(policy.get('mode'))} {words.plain(policy.get('version'))}",
    ]
    yield GAP.join(parts)
    rows = [_row(server) for server in result.get("servers") or []]
    pending = list(_pending(result.get("pending") or []))
    if not rows:
        yield from pending or ["No servers yet. Find one with: mcp-gateway search"]
        return
    head = ("NAME", "STATE", "HEALTH", "TOOLS", "PID", "UP", "RESTARTS", "MEMORY", "CPU", "SANDBOX", "WHY")
    yield from table(head, rows, right=("TOOLS", "PID", "RESTARTS", "MEMORY", "CPU"))
    yield from pending


def _pending(rows: Iterable[Json]) -> Iterable[str]:
    """What is wanted and not here yet."""
    for row in rows:
        yield f"{clean(row['name'])}{GAP}{coloured(row['state'])}{GAP}{clean(row['message'])}"
        if row.get("fix"):
            yield f"{GAP}{clean(row['fix'])}"


def _not_ready(reasons: list[str]) -> str:
    return f"not ready ({', '.join(reasons)})"


def _row(server: Json) -> list[object]:
    cpu, held = server.get("cpu_percent"), int(server.get("quarantined_tools") or 0)
    why = standing.why(server)
    if held:
        why = f"{held} quarantined, see: mcp-gateway approve {server.get('name')}" + (
            f"; {why}" if why != words.NOTHING else ""
        )
    return [
        server.get("name"), server.get("state"), server.get("health"), words.plain(server.get("tools")),
        words.plain(server.get("pid")), words.span(server.get("uptime_s")), standing.restarts(server),
        words.size(server.get("rss_bytes")), f"{cpu:.0f}%" if isinstance(cpu, int | float) else words.NOTHING,
        standing.sandbox(server), why,
    ]  # fmt: skip


def _ordering(name: str, about: str) -> click.Command:
    def order(session: Session, server: str) -> None:
        session.show(session.ask(name, name=server), _ordered)

    order.__doc__ = about
    command: Callable[..., Any] = click.argument("server")(verb(order))
    return click.command(name)(command)


def _ordered(result: Json) -> Iterable[str]:
    name, state, reason = result.get("server"), result.get("state"), result.get("reason")
    yield f"{name} is {state}" + (f" ({reason})" if reason and reason != state else "")
    if state == "starting":
        yield f"How that goes on: mcp-gateway status {name}"


start = _ordering("start", "Start a stopped or failed server.")
stop = _ordering("stop", "Stop a server until it is started.")
restart = _ordering("restart", "Stop and start a server.")


@click.command()
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option(
    "-n", "--lines", type=click.IntRange(0, 10_000), default=200, show_default=True, help="So many old lines."
)
@verb
def logs(session: Session, name: str, follow: bool, lines: int) -> None:
    """Show what server NAME writes to its stderr."""
    if not follow:
        session.show(session.ask("logs", name=name, lines=lines), lambda result: map(clean, result.get("lines") or []))
        return
    if session.as_json:
        raise UsageError("--follow and --json exclude each other", fix="Leave one of them out.")
    session.ask("logs", lambda line: say(clean(line.get("line", ""))), name=name, lines=lines)
