"""One verb's surroundings: where the state lies, whether JSON is wanted, and who carries the verb out."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gateway.admin.client import ApiClient, find_daemon
from gateway.admin.location import state_directory
from gateway.admin.presence import ComingOrGoing
from gateway.admin.routes import route_of
from gateway.cli.output import say, say_json
from gateway.errors import NotRunning

Json = dict[str, Any]
Tell = Callable[[Json], None]


@dataclass(frozen=True, slots=True)
class Session:
    """What every verb is handed first."""

    state: Path
    as_json: bool
    environ: Mapping[str, str]

    def ask(self, verb: str, tell: Tell | None = None, /, **given: Any) -> Json:
        """Carry out a verb: by the running daemon, else in-process where that is possible.

        `tell` hears `{"progress": …}` or `{"line": …}` on the way.

        Raises: NotRunning for a verb that needs the daemon; whatever the verb raises.
        """
        try:
            client = ApiClient(find_daemon(self.state, self.environ))
            return client.ask(verb, **given) if tell is None else client.follow(verb, tell, **given)
        except ComingOrGoing:
            raise  # it has the store, and will do it itself
        except NotRunning:
            if not route_of(verb).offline or self.environ.get("MCP_GATEWAY_URL"):
                raise
        from gateway.cli.offline import carry_out  # noqa: PLC0415 - the rooms are heavy, most verbs never need them

        return carry_out(self.state, verb, tell, {name: value for name, value in given.items() if value is not None})

    def show(self, value: Json, human: Callable[[Json], Iterable[str]]) -> None:
        """Print a result, for programs or for people."""
        if self.as_json:
            say_json(value)
            return
        for line in human(value):
            say(line)


def state_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--state-dir`."""
    return click.option(
        "--state-dir", type=click.Path(file_okay=False, path_type=Path), help="The gateway's state directory."
    )(function)


def verb(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json` and `--state-dir`, and hand the function a `Session` first."""

    @state_option
    @click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON value.")
    @functools.wraps(function)
    def with_session(*args: Any, as_json: bool, state_dir: Path | None, **options: Any) -> Any:
        state = state_directory(state_dir, os.environ, platform=sys.platform)
        return function(Session(state, as_json, os.environ), *args, **options)

    return with_session
