"""massgen config: the block that MassGen accepts as it is."""

from __future__ import annotations

import click

from gateway.cli.session import Session, verb


@click.group()
def massgen() -> None:
    """Work with MassGen."""


@massgen.command()
@click.option("--agents", default="agent_a,agent_b", show_default=True, metavar="A,B", help="Ids of MassGen's agents.")
@verb
def config(session: Session, agents: str) -> None:
    """Print the YAML that gives MassGen's agents this gateway."""
    names = [name for name in (part.strip() for part in agents.split(",")) if name]
    session.show(
        session.ask("massgen_block", agents=names), lambda result: str(result["yaml"]).rstrip("\n").split("\n")
    )
