"""install, remove, list: what is here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from gateway.admin.web import words
from gateway.cli.given import read_secret, read_settings
from gateway.cli.output import clean, table
from gateway.cli.progress import progress_shown
from gateway.cli.session import Session, verb
from gateway.cli.upgrading import describe_changes, describe_held
from gateway.cli.wizard import answered
from gateway.errors import UsageError

Json = dict[str, Any]


_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, do nothing.")
_allow_fresh = click.option(
    "--allow-fresh", is_flag=True, help="Accept a release younger than install.cooldown_days; this is recorded."
)


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--as", "alias", help="Our own short name for the server.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting (KEY:=JSON: not text).")
@click.option(
    "--secret", "secrets", multiple=True, metavar="KEY",
    help="A secret, from $MCP_GATEWAY_SECRET_KEY; KEY=@FILE reads a file, KEY=- standard input.",
)  # fmt: skip
@click.option(
    "--via", type=click.Choice(["direct", "connect"]), default="direct",
    help="Reach a remote server of Smithery by its own address, or through Smithery Connect.",
)  # fmt: skip
@_dry_run
@_allow_fresh
@verb
def install(
    session: Session,
    names: tuple[str, ...],
    alias: str | None,
    settings: tuple[str, ...],
    secrets: tuple[str, ...],
    via: str,
    **flags: bool,
) -> int:
    """Install a server, or several side by side.

    NAME is a listing (acme/echo, smithery:acme/echo, registry:io.github.a/b), a package (npm:PKG@VERSION,
    pypi:PKG==VERSION), a bundle (mcpb:FILE-OR-URL#sha256=…) or one of the starter catalogue (starter:time).
    """
    if len(names) > 1:
        if alias or settings or secrets or via != "direct":
            raise UsageError(
                "--as, --set, --secret and --via are about one server, and several are named",
                fix="Install that server by itself.",
            )
        return _install_many(session, names, flags)
    (name,) = names

    def attempt(values: Json, kept: dict[str, str]) -> Json:
        named = {"name": absolute_bundle(name), "alias": alias, "settings": values, "secrets": kept, "via": via}
        with progress_shown(as_json=session.as_json) as tell:
            return session.ask("install", tell, **named, **flags)

    given_secrets = dict(read_secret(spec, session.environ) for spec in secrets)
    result = answered(session, attempt, read_settings(settings), given_secrets)
    session.show(result, _plan if flags["dry_run"] else _installed)
    return 0


def _install_many(session: Session, names: tuple[str, ...], flags: dict[str, bool]) -> int:
    """Install several; the exit status is 1 when one of them failed."""
    with progress_shown(as_json=session.as_json) as tell:
        result = session.ask("install_many", tell, names=[absolute_bundle(name) for name in names], **flags)
    failed = [row for row in result["results"] if not row["ok"]]
    session.show(result, _several)
    return 1 if failed else 0


def _several(result: Json) -> Iterable[str]:
    for row in result["results"]:
        if row["ok"]:
            yield from _plan(row) if "name" not in row else _installed(row)
        else:
            yield clean(f"failed {row['reference']}: {row['error']['message']}")
            yield from [clean(f"  fix: {row['error']['fix']}")] if row["error"].get("fix") else []


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
    said = "already there:" if result.get("unchanged") else "installed"
    yield f"{said} {result.get('name')}{version} from {result.get('from')}{count}"
    yield from describe_changes(result.get("changes") or {})
    yield from describe_held(result, is_done=True)
    yield from (f"warning: {warning}" for warning in result.get("warnings") or [])


@click.command()
@click.argument("name")
@click.option("--data", is_flag=True, help="Delete its private folder as well.")
@verb
def remove(session: Session, name: str, data: bool) -> None:
    """Stop and forget an installed server, its secrets and its files."""
    session.show(session.ask("remove", name=name, data=data), _removed)


def _removed(result: Json) -> Iterable[str]:
    freed = result.get("freed_bytes")
    yield f"removed {result.get('removed')}" + (f", {words.size(freed)} freed" if freed else "")
    if result.get("data_kept"):
        yield f"its data is kept: {result['data_kept']}"
    yield from (f"warning: {warning}" for warning in result.get("warnings") or [])


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
    if not rows:
        return ["No servers yet. Find one with: mcp-gateway search"]
    notes = [f"{row['name']}: {clean(row['note'])}" for row in result["servers"] if row.get("note")]
    return [*table(head, rows, right=("PINNED TOOLS",)), *notes]
