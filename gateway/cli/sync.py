"""sync: copy the official registry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from gateway.admin.web import words
from gateway.cli.progress import progress_shown
from gateway.cli.session import Session, verb

Json = dict[str, Any]


@click.command()
@click.option("--full", is_flag=True, help="Read everything again, not only what changed.")
@verb
def sync(session: Session, *, full: bool) -> None:
    """Copy the official registry into the store, so that searching needs no network.

    The first time everything is read, afterwards what changed. A run that breaks off is gone on with by the next.
    """
    with progress_shown(as_json=session.as_json) as tell:
        result = session.ask("sync", tell, full=full)
    session.show(result, _synced)


def _synced(result: Json) -> Iterable[str]:
    what = "servers" if result.get("full") else "changed servers"
    extra = [f"{result[key]} {key}" for key in ("withdrawn", "skipped") if result.get(key)]
    details = f" ({', '.join(extra)})" if extra else ""
    since = "" if result.get("full") else f" since {words.clock_time(result.get('since'))}"
    yield f"read {result.get('servers')} {what}{details} of the official registry{since} in {result.get('took_s')} s"
