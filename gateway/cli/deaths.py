"""deaths: how servers ended although they were wanted."""

from __future__ import annotations

import click

from gateway.cli.session import Session, verb
from gateway.cli.standing import describe_deaths


@click.command()
@click.argument("name", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most this many.")
@verb
def deaths(session: Session, name: str | None, limit: int) -> None:
    """Show how servers (or server NAME alone) ended although they were wanted, the newest first."""
    session.show(session.ask("deaths", name=name, limit=limit), lambda result: describe_deaths(result, name))
