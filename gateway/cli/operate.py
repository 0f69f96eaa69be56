"""doctor and token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from gateway.cli.output import say, say_json, table
from gateway.cli.session import Session, verb

Json = dict[str, Any]


@click.command()
@verb
def doctor(session: Session) -> int:
    """Say what is missing on this machine; exit status 1 when something needed is."""
    result = session.ask("doctor")
    if session.as_json:
        say_json(result)
    else:
        for line in _checks(result):
            say(line)
    return 0 if result.get("ok") else 1


def _checks(result: Json) -> Iterable[str]:
    rows = [
        [
            row.get("name"), row.get("state"),
            " ".join(str(part) for part in (row.get("message"), row.get("fix")) if part),
        ]
        for row in result.get("checks") or []
    ]  # fmt: skip
    return table(("CHECK", "STATE", "WHAT"), rows)


@click.group()
def token() -> None:
    """Show or replace the bearer tokens."""


_admin = click.option("--admin", is_flag=True, help="The administration's token instead of the agents'.")


@token.command()
@_admin
@verb
def show(session: Session, admin: bool) -> None:
    """Print the agents' token (for $MCP_GATEWAY_TOKEN)."""
    session.show(session.ask("token_show", which=_which(admin)), lambda result: [str(result["token"])])


@token.command()
@_admin
@verb
def rotate(session: Session, admin: bool) -> None:
    """Make a new token and print it; the old one is void at once."""
    session.show(session.ask("token_rotate", which=_which(admin)), lambda result: [str(result["token"])])


def _which(admin: bool) -> str:
    return "admin-token" if admin else "token"
