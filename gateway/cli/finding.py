"""search and show: what could be installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

import click

from gateway.admin.web import words
from gateway.cli.listings import found_lines, listing_lines
from gateway.cli.output import clean, fields, say_json, spelled
from gateway.cli.session import Session, verb
from gateway.errors import UsageError

Json = dict[str, Any]


@click.command()
@click.argument("query")
@click.option("--source", type=click.Choice(["smithery", "registry", "starter"]), help="Ask one source only.")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True, help="At most this many.")
@click.option("--verified/--unverified", default=None, help="Verified servers only, or the others only.")
@click.option("--remote/--local", default=None, help="Servers that run elsewhere, or here.")
@click.option("--namespace", help="Servers of this owner only.")
@click.option("--offline", is_flag=True, help="Ask no registry: what is remembered.")
@click.option(
    "--filter", "pairs", multiple=True, metavar="NAME=VALUE", help="A filter of Smithery's own; asks it alone."
)
@verb
def search(session: Session, query: str, offline: bool, pairs: tuple[str, ...], **only: Any) -> None:
    """Find servers in all sources, merged and ranked."""
    filters = urlencode([pair.partition("=")[::2] for pair in pairs]) or None
    session.show(session.ask("search", query=query, offline=offline or None, filters=filters, **only), found_lines)


@click.command()
@click.argument("name")
@click.option("--installed", is_flag=True, help="Show the server NAME that is here: what it consists of.")
@click.option(
    "--format", "form", type=click.Choice(["json", "cyclonedx"]), help="With --installed: print this JSON document."
)
@verb
def show(session: Session, name: str, installed: bool, form: str | None) -> None:
    """Show one listing in full, with the command that an install would run.

    With --installed: packages and files with their hashes, command, names of variables and secrets, pins, warnings.
    """
    if not installed:
        if form is not None:
            raise UsageError("--format goes with --installed", fix=f"See: mcp-gateway show {name} --installed")
        session.show(session.ask("show", name=name), listing_lines)
        return
    found = session.ask("record", name=name, format=form)
    if form is None:
        session.show(found, _record)
    else:
        say_json(found)


MANY = 40  # of packages, files or pins: the rest is counted; --json has them all


def _record(item: Json) -> Iterable[str]:
    undated = any("does not say when" in warning for warning in item.get("warnings") or [])
    fresh = "waived (--allow-fresh)" if item.get("allow_fresh") else "unknown: nobody says when" if undated else "kept"
    command = item.get("command") or {}
    yield from fields(
        [
            ("name", item.get("name")),
            ("from", item.get("from")),
            ("origin", item.get("origin")),
            ("version", words.plain(item.get("version"))),
            ("sha256", words.plain(item.get("sha256"))),
            ("installed", words.plain(item.get("installed_at"))),
            ("command", spelled(command.get("argv")) if "argv" in command else words.plain(command.get("url"))),
            ("variables", ", ".join(item.get("environment") or []) or words.NOTHING),
            ("secrets", ", ".join(item.get("secrets") or []) or words.NOTHING),
            ("cool-down", fresh),
            ("runtimes", ", ".join(f"{k} {v}" for k, v in (item.get("runtimes") or {}).items()) or words.NOTHING),
            ("packages", _few([_package(p) for p in item.get("packages") or []])),
            ("files", _few([f"{f['sha256'][:16]}… {f['path']}" for f in item.get("files") or []])),
            ("altered", _few(item.get("altered") or [])),
            ("pins", _few([_pin(pin) for pin in item.get("pins") or []])),
            (
                "waiting",
                _few([_waiting(change) for change in item.get("waiting") or []]),
            ),
            ("warnings", _few([*map(str, item.get("warnings") or []), *_labels(item)])),
        ]
    )


def _package(package: Json) -> str:
    integrity = package.get("integrity") or []
    more = f" and {len(integrity) - 1} more" if len(integrity) > 1 else ""
    return f"{package['name']} {package['version']}  {integrity[0][:27] + '…' if integrity else 'no hash'}{more}"


def _pin(pin: Json) -> str:
    return f"{pin['sha256'][:16]}… {pin['tool']}" + (f", {pin['approved_at']}" if pin.get("approved_at") else "")


def _waiting(change: Json) -> str:
    return f"{change['tool']} (rejected)" if change.get("rejected") else str(change["tool"])


def _labels(item: Json) -> list[str]:
    return [str(label.get("message")) for label in item.get("labels") or []]


def _few(lines: list[str]) -> str:
    shown = [clean(line) for line in lines[:MANY]]
    if len(lines) > MANY:
        shown.append(f"… and {len(lines) - MANY} more (--json has them all)")
    return "\n".join(shown) or words.NOTHING
