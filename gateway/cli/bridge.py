"""bridge: a running gateway's endpoint on stdin and stdout, for clients that speak nothing else."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from gateway.admin.client import locate
from gateway.admin.location import state_directory
from gateway.cli.relay import wire
from gateway.cli.relay.link import Link
from gateway.cli.relay.relay import Relay
from gateway.cli.session import state_option
from gateway.errors import NotRunning

STDOUT = 1


@click.command()
@state_option
def bridge(state_dir: Path | None) -> int:
    """Relay MCP on stdin and stdout to the running gateway.

    The environment says for whom: MCP_GATEWAY_AGENT, MCP_GATEWAY_RUN, MCP_GATEWAY_TASK, MCP_GATEWAY_PROFILE; and where:
    MCP_GATEWAY_URL with MCP_GATEWAY_TOKEN, else the state directory.
    """
    state = state_directory(state_dir, os.environ, platform=sys.platform)
    find = partial(locate, state, os.environ, variable="MCP_GATEWAY_TOKEN", file="token")
    closing = threading.Event()
    link = Link(find, wire.endpoint_path(os.environ), closing)
    try:
        link.check()
    except NotRunning as exc:
        # One line: clients show a server's stderr, if at all, by its last line.
        click.echo(f"error: {exc.message}. {exc.fix}", err=True)
        return exc.exit_status
    lines, sys.stdout = sys.stdin.buffer, sys.stderr  # whatever else might be printed must not look like MCP
    Relay(link, _line_writer(STDOUT), closing, wire.caller_headers(os.environ)).run(lines)
    return 0


def _line_writer(descriptor: int) -> Callable[[bytes], None]:
    lock = threading.Lock()

    def write(line: bytes) -> None:
        # Not sys.stdout: its lock may be held by a waiting thread while the interpreter ends.
        rest = memoryview(line + b"\n")
        with lock:
            try:
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            except OSError:
                return  # the client is gone; its end of stdin follows

    return write
