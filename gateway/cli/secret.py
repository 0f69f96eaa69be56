"""secret set, list, rm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from gateway.cli.given import read_secret
from gateway.cli.output import table
from gateway.cli.session import Session, verb


@click.group()
def secret() -> None:
    """Keep secrets for servers; values are never shown again."""


@secret.command("set")
@click.argument("server")
@click.argument("key")
@verb
def set_(session: Session, server: str, key: str) -> None:
    """Keep a secret: KEY takes its value from $MCP_GATEWAY_SECRET_KEY; KEY=@FILE reads a file, KEY=- standard input."""
    name, value = read_secret(key, session.environ)
    result = session.ask("secret_set", server=server, key=name, value=value)
    session.show(result, lambda done: [f"kept {done.get('key')} for {done.get('server')}"])


@secret.command("list")
@click.argument("server", required=False)
@verb
def list_(session: Session, server: str | None) -> None:
    """Name the secrets that are kept."""
    session.show(session.ask("secret_list", server=server), _names)


def _names(result: dict[str, Any]) -> Iterable[str]:
    rows = [[row["server"], row["key"], row.get("kept") or ""] for row in result.get("secrets") or []]
    return table(("SERVER", "KEY", "KEPT IN"), rows) if rows else ["No secrets are kept."]


@secret.command("rm")
@click.argument("server")
@click.argument("key")
@verb
def rm(session: Session, server: str, key: str) -> None:
    """Forget a secret."""
    result = session.ask("secret_remove", server=server, key=key)
    session.show(result, lambda done: [f"{'forgot' if done.get('removed') else 'there was no'} {key} of {server}"])
