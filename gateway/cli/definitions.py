"""approve and reject: changed definitions of an installed server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from gateway.cli.output import clean
from gateway.cli.session import Session, verb

Json = dict[str, Any]


_dry_run = click.option("--dry-run", is_flag=True, help="Show what changed, do nothing.")
_tool = click.option(
    "--tool",
    "tools",
    multiple=True,
    help="Only this tool (repeatable); @server: what the server says of itself.",
)


@click.command()
@click.argument("name")
@_tool
@_dry_run
@verb
def approve(session: Session, name: str, tools: tuple[str, ...], dry_run: bool) -> None:
    """Accept the changed definitions of server NAME and show them again.

    Naming a rejected tool takes its rejection back.
    """
    session.show(session.ask("approve", name=name, tools=list(tools) or None, dry_run=dry_run), _approved)


def _approved(result: Json) -> Iterable[str]:
    changes = result.get("changes") or []
    yield f"approved {result.get('approved')} of {len(changes)} changed definitions of {result.get('server')}"
    for change in changes:
        yield from _difference(change)


def _difference(change: Mapping[str, Any]) -> Iterable[str]:
    tool = change.get("tool")
    yield f"{clean(tool) if tool is not None else 'the server itself'}{' (rejected)' if change.get('rejected') else ''}"
    for line in change.get("diff") or []:
        yield _painted(f"  {clean(line)}")
    for label in change.get("labels") or []:
        yield click.style(f"  warning: {clean(label.get('message'))}", fg="yellow")


def _painted(line: str) -> str:
    mark = line.strip()[:1]
    return click.style(line, fg={"+": "green", "-": "red"}.get(mark)) if mark in {"+", "-"} else line


@click.command()
@click.argument("name")
@_tool
@verb
def reject(session: Session, name: str, tools: tuple[str, ...]) -> None:
    """Say no to the changed definitions of server NAME.

    Those tools stay hidden and are not asked about again until they change once more; a tool comes back by itself when
    the server lists its approved definition again. `approve NAME --tool TOOL` takes a rejection back.
    """
    session.show(session.ask("reject", name=name, tools=list(tools) or None), _rejected)


def _rejected(result: Json) -> Iterable[str]:
    yield f"rejected {result.get('rejected')} changed definitions of {result.get('server')}"
    if hidden := result.get("hidden_tools"):
        yield f"These stay hidden until they change again: {', '.join(clean(tool) for tool in hidden)}"
