"""Asks a person for the values that a server wants: on a terminal only, never on a pipe, never with --json."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from gateway.admin.problems import describe
from gateway.cli.output import clean
from gateway.cli.session import Session
from gateway.errors import GatewayError

Json = dict[str, Any]
MOST_ROUNDS = 5  # a value that is wrong is asked for again, but not for ever

Values = dict[str, Any]
Attempt = Callable[[Values, dict[str, str]], Json]
"""Try to install with these settings and secrets."""


def answered(session: Session, attempt: Attempt, settings: Values, secrets: dict[str, str]) -> Json:
    """Try, and as long as values are missing, ask for them and try again.

    Raises: whatever the attempt raises, where nobody can be asked or where asking does not help.
    """
    for _ in range(MOST_ROUNDS):
        try:
            return attempt(settings, secrets)
        except GatewayError as problem:
            wanted = _wanted(problem)
            if not wanted or not may_ask(session):
                raise
            click.echo(clean(problem.message), err=True)
        for item in wanted:
            _ask(item, settings, secrets)
    return attempt(settings, secrets)


def may_ask(session: Session) -> bool:
    """Whether a person sits in front of us."""
    return not session.as_json and sys.stdin.isatty() and sys.stderr.isatty()


def _wanted(problem: GatewayError) -> list[Json]:
    """What the error says is missing, with all that is known of it."""
    details: Json = describe(problem)["error"].get("details") or {}
    known = {item["key"]: item for item in details.get("wanted") or []}
    keys = [(key, False) for key in details.get("missing") or []]
    keys += [(key, True) for key in details.get("missing_secrets") or []]
    return [{**known.get(key, {}), "key": key, "secret": secret} for key, secret in keys]


def _ask(item: Json, settings: Values, secrets: dict[str, str]) -> None:
    """Ask for one value; nothing that is typed as a secret is shown."""
    key = str(item["key"])
    title, about = clean(str(item.get("title") or "")), clean(str(item.get("description") or ""))
    label = f"{title} ({key})" if title and title != key else key
    if about and about != title:
        click.echo(f"  {about}", err=True)
    if item["secret"]:
        secrets[key] = click.prompt(f"{label}, not shown", hide_input=True, err=True)
        return
    choices = [str(choice) for choice in item.get("choices") or []]
    kind = click.Choice(choices) if choices else str
    settings[key] = click.prompt(label, type=kind, err=True)
