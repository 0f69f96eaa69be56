"""install, upgrade, remove, list: what is here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from gateway.admin.web import words
from gateway.cli.given import read_secret, read_settings
from gateway.cli.output import table
from gateway.cli.progress import progress_shown
from gateway.cli.session import Session, verb

Json = dict[str, Any]


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
