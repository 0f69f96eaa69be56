"""connect list, show, add, remove, tools, namespaces: what an account has at Smithery Connect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from gateway.admin.web import words
from gateway.cli.output import fields, table
from gateway.cli.session import Session, verb

Json = dict[str, Any]

_namespace = click.option("--namespace", help="Another namespace than [smithery] namespace, or the account's first.")


@click.group()
def connect() -> None:
    """Look at and change connections of Smithery Connect.

    Install a server through one with: mcp-gateway install NAME --via connect
    """


@connect.command("list")
@_namespace
@click.option("--name", help="Only connections of this name.")
@click.option("--url", help="Only connections to this address.")
@verb
def list_(session: Session, namespace: str | None, name: str | None, url: str | None) -> None:
    """List connections, with what is to be done for each."""
    session.show(session.ask("connect_list", namespace=namespace, name=name, url=url), _connections)


def _connections(result: Json) -> Iterable[str]:
    rows = result.get("connections") or []
    if not rows:
        return [
            f"No connections in {words.plain(result.get('namespace'))}. Make one with: mcp-gateway connect add NAME"
        ]
    head = ("ID", "STATE", "USED BY", "TO DO", "ADDRESS")
    cells = [
        [row["id"], row["state"], words.plain(row.get("used_by")), _to_do(row), words.plain(row.get("url"))]
        for row in rows
    ]
    return [f"namespace {result.get('namespace')}", *table(head, cells)]


def _to_do(row: Json) -> str:
    missing = row.get("missing") or {}
    names = [*(missing.get("headers") or []), *(missing.get("query") or [])]
    if names:
        return f"give {', '.join(names)}"
    return f"open {row['setup_url']}" if row.get("setup_url") else words.plain(row.get("message"))


@connect.command()
@click.argument("connection", metavar="ID")
@_namespace
@verb
def show(session: Session, connection: str, namespace: str | None) -> None:
    """Show one connection."""
    session.show(session.ask("connect_show", connection=connection, namespace=namespace), _connection)


def _connection(row: Json) -> Iterable[str]:
    shown = [(key, words.plain(row.get(key))) for key in ("id", "namespace", "state", "message", "url", "used_by")]
    yield from fields([*shown, ("to do", _to_do(row)), ("made here", "yes" if row.get("made_here") else "no")])


@connect.command()
@click.argument("name")
@click.option("--id", "connection", help="Its id; without one Smithery makes one up.")
@click.option("--replace", is_flag=True, help="Delete a connection of that id that leads elsewhere, and make it anew.")
@_namespace
@verb
def add(session: Session, name: str, connection: str | None, namespace: str | None, *, replace: bool) -> None:
    """Connect NAME (acme/echo, or an https address). It is not installed here; see: install --via connect."""
    row = session.ask("connect_add", name=name, connection=connection, namespace=namespace, replace=replace)
    session.show(row, _connection)


@connect.command()
@click.argument("connection", metavar="ID")
@_namespace
@verb
def remove(session: Session, connection: str, namespace: str | None) -> None:
    """Delete a connection that no installed server uses."""
    done = session.ask("connect_remove", connection=connection, namespace=namespace)
    session.show(done, lambda result: [f"removed {result.get('removed')} from {result.get('namespace')}"])


@connect.command()
@click.argument("connection", metavar="ID")
@_namespace
@verb
def tools(session: Session, connection: str, namespace: str | None) -> None:
    """List the tools behind a connection."""
    session.show(session.ask("connect_tools", connection=connection, namespace=namespace), _tools)


def _tools(result: Json) -> Iterable[str]:
    rows = [[tool["name"], tool.get("description") or ""] for tool in result.get("tools") or []]
    return table(("TOOL", "DESCRIPTION"), rows) if rows else ["It offers no tools."]


@connect.command()
@verb
def namespaces(session: Session) -> None:
    """List the account's namespaces."""
    session.show(session.ask("connect_namespaces"), _namespaces)


def _namespaces(result: Json) -> Iterable[str]:
    rows = result.get("namespaces") or []
    return [f"{row['name']}{'  (used)' if row.get('chosen') else ''}" for row in rows] or ["The account has none yet."]
