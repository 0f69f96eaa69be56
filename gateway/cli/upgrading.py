"""upgrade and rollback: what changes is shown, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from gateway.admin.web import words
from gateway.cli.output import clean
from gateway.cli.progress import progress_shown
from gateway.cli.session import Session, verb

Json = dict[str, Any]
MAX_DIFF = 12  # lines of one tool
_NAMES = {"environment": "variable", "settings": "setting", "secrets": "secret", "tools": "tool"}


@click.command()
@click.argument("name", required=False)
@click.option("--dry-run", is_flag=True, help="Fetch and start the new release beside the old one, switch nothing.")
@click.option("--allow-fresh", is_flag=True, help="Accept a release younger than install.cooldown_days; recorded.")
@click.option("--approve", is_flag=True, help="Accept the changed tool definitions; without it they are quarantined.")
@verb
def upgrade(session: Session, name: str | None, **flags: bool) -> int:
    """Move NAME, or every installed server, to its newest allowed version.

    The new release starts beside the one that serves and takes over when it is ready; one that does not stay up is
    rolled back.
    """
    with progress_shown(as_json=session.as_json) as tell:
        result = session.ask("upgrade", tell, name=name, **flags)
    session.show(result, lambda told: _upgraded(told, is_done=not flags["dry_run"]))
    return 1 if result.get("failed") or result.get("rolled_back") else 0


def _upgraded(result: Json, *, is_done: bool) -> Iterable[str]:
    for row in result.get("upgraded") or []:
        yield _moved(row)
        yield from describe_changes(row.get("changes") or {})
        yield from describe_held(row, is_done=is_done)
    for row in result.get("unchanged") or []:
        yield clean(f"{row['name']}: {_unchanged(row)}")
    for row in result.get("rolled_back") or []:
        yield clean(f"{_moved(row)} was rolled back: {row.get('reason')}")
    for row in result.get("failed") or []:
        yield clean(f"{row['name']} failed: {row.get('message')}")
    if result.get("freed_bytes"):
        yield f"{words.size(result['freed_bytes'])} freed"


def _unchanged(row: Json) -> str:
    match row.get("why"):
        case "remote":
            return "it runs elsewhere, there is nothing to upgrade here"
        case "pinned":
            return f"{row.get('version')} was asked for exactly, and stays"
        case _:
            return f"{words.plain(row.get('version'))} is the newest allowed"


def describe_held(row: Json, *, is_done: bool) -> Iterable[str]:
    """Say how many changed definitions wait for a person."""
    if row.get("quarantined"):
        held = f"{row['quarantined']} changed definitions {'are' if is_done else 'would be'} quarantined"
        yield f"  {held}; accept them with: mcp-gateway approve {row['name']}"


def _moved(row: Json) -> str:
    return f"{row['name']}: {words.plain(row.get('before'))} -> {words.plain(row.get('after'))}"


def describe_changes(changes: Json) -> Iterable[str]:
    """Spell what another release changes."""
    command = changes.get("command") or {}
    if command.get("before") != command.get("after"):
        yield f"  - command {clean(' '.join(command.get('before') or []))}"
        yield f"  + command {clean(' '.join(command.get('after') or []))}"
    for key, what in _NAMES.items():
        part = changes.get(key) or {}
        yield from (f"  + {what} {clean(name)}" for name in part.get("added") or [])
        yield from (f"  - {what} {clean(name)}" for name in part.get("removed") or [])
    tools = changes.get("tools") or {}
    if tools.get("instructions_changed"):
        yield "  ~ what the server says of itself"
    for change in tools.get("changed") or []:
        yield f"  ~ tool {clean(change.get('tool'))}"
        diff = change.get("diff") or []
        yield from (f"    {clean(line)}" for line in diff[:MAX_DIFF])
        if len(diff) > MAX_DIFF:
            yield f"    … {len(diff) - MAX_DIFF} more lines, see them with --json"


@click.command()
@click.argument("name")
@verb
def rollback(session: Session, name: str) -> None:
    """Go back to what was installed as NAME before; once more goes forth again."""
    with progress_shown(as_json=session.as_json) as tell:
        result = session.ask("rollback", tell, name=name)
    session.show(
        result,
        lambda told: [_moved(told), *describe_changes(told.get("changes") or {}), *describe_held(told, is_done=True)],
    )
