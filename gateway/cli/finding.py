"""search and show: what could be installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from gateway.admin.web import words
from gateway.cli.output import fields, spelled, table
from gateway.cli.session import Session, verb

Json = dict[str, Any]


@click.command()
@click.argument("query")
@click.option("--source", type=click.Choice(["smithery", "registry", "starter"]), help="Ask one source only.")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True, help="At most this many.")
@verb
def search(session: Session, query: str, source: str | None, limit: int) -> None:
    """Find servers in all sources, merged and ranked."""
    session.show(session.ask("search", query=query, source=source, limit=limit), _found)


def _found(result: Json) -> Iterable[str]:
    head = ("NAME", "SOURCE", "KIND", "VERIFIED", "USES", "COMPATIBLE", "ABOUT")
    rows = [
        [
            item["name"] + (" (installed)" if item.get("installed") else ""),
            item["source"],
            {True: "remote", False: "local"}.get(item.get("remote"), words.NOTHING),
            words.plain(item.get("verified")),
            words.plain(item.get("use_count")),
            words.plain(item.get("compatible")),
            "; ".join(item.get("reasons") or []) if item.get("compatible") is False else item.get("description") or "",
        ]
        for item in result.get("items") or []
    ]
    yield from table(head, rows, right=("USES",)) if rows else ["Nothing found."]
    yield from _trouble_of(result)


def _trouble_of(result: Json) -> Iterable[str]:
    for source in result.get("sources") or []:
        if source["state"] != "ok":
            age = f", answers of {words.span(source['age_s'])} ago" if source.get("age_s") is not None else ""
            yield f"{source['name']} is {source['state']}{age}: {source.get('message') or 'no reason given'}"


@click.command()
@click.argument("name")
@verb
def show(session: Session, name: str) -> None:
    """Show one listing in full, with the command that an install would run."""
    session.show(session.ask("show", name=name), _listing)


def _listing(item: Json) -> Iterable[str]:
    yield from fields(
        [
            ("name", item.get("name")),
            ("title", words.plain(item.get("display_name"))),
            ("source", words.plain(item.get("source"))),
            ("about", words.plain(item.get("description"))),
            ("verified", words.plain(item.get("verified"))),
            ("uses", words.plain(item.get("use_count"))),
            ("compatible", words.plain(item.get("compatible"))),
            ("reasons", "\n".join(item.get("reasons") or []) or words.NOTHING),
            ("scan passed", words.plain(item.get("scan_passed"))),
            ("connections", "\n".join(spelled(part) for part in item.get("connections") or []) or words.NOTHING),
            ("configuration", spelled(item.get("config_schema"))),
            ("tools", ", ".join(str(tool.get("name")) for tool in item.get("tools") or []) or words.NOTHING),
            ("command", spelled(item.get("command"))),
            ("warnings", "\n".join(str(warning) for warning in item.get("warnings") or []) or words.NOTHING),
        ]
    )
