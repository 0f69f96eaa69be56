"""search, show, install, upgrade, remove, list, approve, reject."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from gateway.admin.web import words
from gateway.cli.given import read_secret, read_settings
from gateway.cli.output import fields, table
from gateway.cli.progress import progress_shown
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
            ("connections", "\n".join(_spelled(part) for part in item.get("connections") or []) or words.NOTHING),
            ("configuration", _spelled(item.get("config_schema"))),
            ("tools", ", ".join(str(tool.get("name")) for tool in item.get("tools") or []) or words.NOTHING),
            ("command", _spelled(item.get("command"))),
            ("warnings", "\n".join(str(warning) for warning in item.get("warnings") or []) or words.NOTHING),
        ]
    )


def _spelled(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " ".join(value) or words.NOTHING
    if isinstance(value, dict | list) and value:
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) and value else words.NOTHING


_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, do nothing.")
_allow_fresh = click.option(
    "--allow-fresh", is_flag=True, help="Accept a release younger than install.cooldown_days; this is recorded."
)


@click.command()
@click.argument("name")
@click.option("--as", "alias", help="Our own short name for the server.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting (KEY:=JSON: not text).")
@click.option(
    "--secret", "secrets", multiple=True, metavar="KEY",
    help="A secret, from $MCP_GATEWAY_SECRET_KEY; KEY=@FILE reads a file, KEY=- standard input.",
)  # fmt: skip
@_dry_run
@_allow_fresh
@verb
def install(
    session: Session, name: str, alias: str | None, settings: tuple[str, ...], secrets: tuple[str, ...], **flags: bool
) -> None:
    """Install a server.

    NAME is a listing (acme/echo, smithery:acme/echo, registry:io.github.a/b), a package (npm:PKG@VERSION,
    pypi:PKG==VERSION), a bundle (mcpb:FILE-OR-URL#sha256=…) or one of the starter catalogue (starter:time).
    """
    given_secrets = dict(read_secret(spec, session.environ) for spec in secrets)
    with progress_shown(as_json=session.as_json) as tell:
        result = session.ask(
            "install",
            tell,
            name=absolute_bundle(name),
            alias=alias,
            settings=read_settings(settings),
            secrets=given_secrets,
            **flags,
        )
    session.show(result, _plan if flags["dry_run"] else _installed)


def absolute_bundle(name: str) -> str:
    """Spell a bundle's file from the root: the daemon works in another directory than the person."""
    scheme, _, place = name.partition(":")
    if scheme != "mcpb" or "://" in place or not place:
        return name
    file, mark, digest = place.partition("#")
    return f"mcpb:{Path(file).expanduser().absolute()}{mark}{digest}"


def _plan(result: Json) -> Iterable[str]:
    yield json.dumps(result.get("plan", result), ensure_ascii=False, indent=2)


def _installed(result: Json) -> Iterable[str]:
    version = f" {result['version']}" if result.get("version") else ""
    count = f", {result['tools']} tools" if result.get("tools") is not None else ""
    yield f"installed {result.get('name')}{version} from {result.get('from')}{count}"
    yield from (f"warning: {warning}" for warning in result.get("warnings") or [])


@click.command()
@click.argument("name", required=False)
@_dry_run
@_allow_fresh
@verb
def upgrade(session: Session, name: str | None, **flags: bool) -> None:
    """Move NAME, or every installed server, to its newest allowed version."""
    with progress_shown(as_json=session.as_json) as tell:
        result = session.ask("upgrade", tell, name=name, **flags)
    session.show(result, _upgraded)


def _upgraded(result: Json) -> Iterable[str]:
    for row in result.get("upgraded") or []:
        yield f"{row['name']}: {words.plain(row.get('before'))} -> {words.plain(row.get('after'))}"
    for row in result.get("unchanged") or []:
        yield f"{row['name']}: {words.plain(row.get('version'))} is the newest allowed"


@click.command()
@click.argument("name")
@verb
def remove(session: Session, name: str) -> None:
    """Stop and forget an installed server."""
    session.show(session.ask("remove", name=name), lambda result: [f"removed {result.get('removed')}"])


@click.command("list")
@verb
def list_(session: Session) -> None:
    """List installed and configured servers."""
    session.show(session.ask("list_servers"), _servers)


def _servers(result: Json) -> Iterable[str]:
    head = ("NAME", "ORIGIN", "VERSION", "INSTALLED", "PINNED TOOLS", "FROM")
    rows = [
        [
            row["name"], row["origin"], words.plain(row.get("version")), words.clock_time(row.get("installed_at")),
            words.plain(row.get("pinned_tools")), row["from"],
        ]
        for row in result.get("servers") or []
    ]  # fmt: skip
    return table(head, rows, right=("PINNED TOOLS",)) if rows else ["No servers yet. Find one with: mcp-gateway search"]


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
    yield f"  - {_spelled(change.get('before'))}"
    yield f"  + {_spelled(change.get('after'))}"


@click.command()
@click.argument("name")
@verb
def reject(session: Session, name: str) -> None:
    """Drop the changed tool definitions of server NAME; those tools stay hidden."""
    session.show(
        session.ask("reject", name=name),
        lambda result: [f"rejected {result.get('rejected')} changed definitions of {result.get('server')}"],
    )
