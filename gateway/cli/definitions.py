"""approve and reject: changed tool definitions of an installed server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from gateway.cli.output import spelled
from gateway.cli.session import Session, verb

Json = dict[str, Any]


_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, do nothing.")


@click.command()
@click.argument("name")
@_dry_run
@verb
def approve(session: Session, name: str, dry_run: bool) -> None:
    """Accept the changed tool definitions of server NAME and show them again."""
    session.show(session.ask("approve", name=name, dry_run=dry_run), _approved)


def _approved(result: Json) -> Iterable[str]:
    changes = result.get("changes") or []
    yield f"approved {result.get('approved')} of {len(changes)} changed definitions of {result.get('server')}"
    for change in changes:
        yield from _difference(change)


def _difference(change: Mapping[str, Any]) -> Iterable[str]:
    yield f"  {change.get('tool')}"
    yield f"  - {spelled(change.get('before'))}"
    yield f"  + {spelled(change.get('after'))}"


@click.command()
@click.argument("name")
@verb
def reject(session: Session, name: str) -> None:
    """Drop the changed tool definitions of server NAME; those tools stay hidden."""
    session.show(
        session.ask("reject", name=name),
        lambda result: [f"rejected {result.get('rejected')} changed definitions of {result.get('server')}"],
    )
