"""tools, call, calls, runs, feedback: what agents see, do and get."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

from gateway.admin.web import words
from gateway.cli.given import read_object
from gateway.cli.output import clean_lines, say, say_json, table
from gateway.cli.session import Session, verb

Json = dict[str, Any]

_agent = click.option("--agent", help="This agent's.")
_run = click.option("--run", help="Of this run.")


@click.command()
@click.option("--query", help="For this task, or these words of find_tools.")
@_agent
@_run
@verb
def tools(session: Session, **given: str | None) -> None:
    """Show what an agent would be offered now, with scores and why."""
    session.show(session.ask("tools", **given), _offered)


def _offered(result: Json) -> Iterable[str]:
    head = ("TOOL", "SCORE", "RELEVANCE", "RELIABILITY", "CALLS", "LISTED", "WHY")
    rows = [
        [
            tool["name"], words.decimal(tool.get("score")), words.decimal(tool.get("relevance")),
            words.decimal(tool.get("reliability")), words.plain(tool.get("n")), words.plain(tool.get("listed")),
            words.plain(tool.get("why")),
        ]
        for tool in result.get("tools") or []
    ]  # fmt: skip
    if not rows:
        yield "No tools yet: no server is ready."
        return
    yield f"mode {words.plain(result.get('mode'))}, policy {words.plain(result.get('policy_version'))}"
    yield from table(head, rows, right=("SCORE", "RELEVANCE", "RELIABILITY", "CALLS"))


@click.command()
@click.argument("tool")
@click.argument("arguments", default="{}", metavar="[JSON|@FILE|-]")
@_agent
@_run
@verb
def call(session: Session, tool: str, arguments: str, **given: str | None) -> int:
    """Call TOOL by its exposed name; exit status 1 when it answers with an error."""
    result = session.ask("call", tool=tool, arguments=read_object(arguments), **given)
    failed = bool(result.get("isError"))
    if session.as_json:
        say_json(result)
    else:
        for line in _answer(result):
            say(line, err=failed)
    return 1 if failed else 0


def _answer(result: Json) -> Iterable[str]:
    content = result.get("content") or []
    for part in content:
        if isinstance(part, dict) and part.get("type") == "text":
            yield clean_lines(str(part.get("text", "")))
        else:
            yield _short(part)
    if not content and "structuredContent" in result:
        yield json.dumps(result["structuredContent"], ensure_ascii=False, indent=2)


def _short(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    return f"[{clean_lines(str(kind or 'content'))}; see it with --json]"


@click.command()
@_agent
@_run
@click.option("--tool", help="Of this exposed tool.")
@click.option("--since", help="Since this RFC 3339 time, or for this span: 30m, 2h, 7d.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most this many.")
@verb
def calls(session: Session, **given: Any) -> None:
    """Show the newest calls. Arguments and results are kept nowhere."""
    session.show(session.ask("calls", **given), _ledger)


def _ledger(result: Json) -> Iterable[str]:
    head = ("TIME (UTC)", "TOOL", "OUTCOME", "LATENCY", "AGENT", "RUN", "VIA", "CALL ID")
    rows = [
        [
            words.clock_time(row.get("at")), words.plain(row.get("exposed") or row.get("tool")), row.get("outcome"),
            words.milliseconds(row.get("latency_s")), words.plain(row.get("agent")), words.plain(row.get("run")),
            words.plain(row.get("via")), row.get("call_id"),
        ]
        for row in result.get("calls") or []
    ]  # fmt: skip
    return table(head, rows, right=("LATENCY",)) if rows else ["No calls."]


@click.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most this many.")
@verb
def runs(session: Session, limit: int) -> None:
    """Show the newest runs."""
    session.show(session.ask("runs", limit=limit), _runs)


def _runs(result: Json) -> Iterable[str]:
    head = ("RUN", "CALLS", "FAILED", "FIRST (UTC)", "LAST (UTC)", "AGENTS")
    rows = [
        [
            row.get("run"), words.plain(row.get("calls")), words.plain(row.get("failed")),
            words.clock_time(row.get("first_at")), words.clock_time(row.get("last_at")),
            ", ".join(map(str, row.get("agents") or [])) or words.NOTHING,
        ]
        for row in result.get("runs") or []
    ]  # fmt: skip
    return table(head, rows, right=("CALLS", "FAILED")) if rows else ["No runs."]


@click.command()
@click.argument("call_id")
@click.argument("score", type=click.FloatRange(0, 1))
@click.option("--comment", help="Why.")
@verb
def feedback(session: Session, call_id: str, score: float, comment: str | None) -> None:
    """Rate a call from 0 (useless) to 1 (just right)."""
    result = session.ask("feedback", call_id=call_id, score=score, comment=comment)
    session.show(result, lambda done: [f"rated {done.get('call_id')} with {words.decimal(done.get('score'))}"])
