"""requests: what agents want installed, and a person's yes or no."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from gateway.admin.web import words
from gateway.cli.output import table
from gateway.cli.session import Session, verb
from gateway.errors import UsageError

Json = dict[str, Any]
_STATES = ["pending", "approved", "denied", "installed", "failed"]


@click.group(invoke_without_command=True)
@verb
def requests(session: Session) -> None:
    """Decide what agents asked to have installed (where install.on_demand is "ask"); alone, it lists them."""
    if click.get_current_context().invoked_subcommand is None:
        session.show(session.ask("requests", state=None), _rows)
    elif session.as_json:
        raise UsageError("--json belongs behind the subcommand", fix="Write: mcp-gateway requests list --json")


@requests.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Only those in this state.")
@verb
def list_(session: Session, state: str | None) -> None:
    """List what was asked for; what waits comes first."""
    session.show(session.ask("requests", state=state), _rows)


def _rows(result: Json) -> Iterable[str]:
    head = ("ID", "STATE", "ASKED", "AGENT", "RUN", "SERVER", "WHAT IT MEANS")
    rows = [
        [
            row["id"], row["state"], words.clock_time(row["at"]), row["agent"] or words.NOTHING,
            row["run"] or words.NOTHING, row["name"], row["message"] or words.NOTHING,
        ]
        for row in result.get("requests") or []
    ]  # fmt: skip
    return table(head, rows) if rows else ["No agent has asked for a server."]


@requests.command()
@click.argument("request")
@verb
def approve(session: Session, request: str) -> None:
    """Say yes to REQUEST: the running gateway installs it now, or at its next start."""
    session.show(session.ask("request_decide", request=request, approve=True), _decided)


@requests.command()
@click.argument("request")
@verb
def deny(session: Session, request: str) -> None:
    """Say no to REQUEST; the agent is told so."""
    session.show(session.ask("request_decide", request=request, approve=False), _decided)


def _decided(result: Json) -> Iterable[str]:
    row: Json = result["request"]
    yield f"{row['id']}: {row['name']} is {row['state']}"
    if row["state"] == "approved":
        yield "How it went stands in: mcp-gateway requests list"
