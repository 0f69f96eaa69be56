"""serve: the daemon, below its keeper."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.output import report_error
from gateway.daemon.options import ServeOptions
from gateway.errors import GatewayError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--config", "config_file", type=_FILE, help="The configuration file (config.toml).")
@click.option("--host", help="Listen on this address.")
@click.option("--port", type=click.IntRange(0, 65535), help="Listen on this port.")
@click.option("--state-dir", type=click.Path(file_okay=False, path_type=Path), help="Keep everything here.")
@click.option("--log-format", type=click.Choice(["console", "json"]), help="How to write the log (to stderr).")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="From which level on.")
@click.option("--mcp-servers", type=_FILE, help='Serve exactly the servers of this {"mcpServers": …} file.')
@click.option(
    "--prefix-servers/--no-prefix-servers",
    default=None,
    help="With --mcp-servers: whether a tool's name starts with its server's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print an error as one JSON value.")
def serve(as_json: bool, **given: object) -> int:
    """Run the gateway until it is stopped."""
    options = ServeOptions(**given)  # type: ignore[arg-type]  # click has checked each of them
    from gateway.supervisor.keeper import run_kept  # noqa: PLC0415 - only this verb needs it

    def daemon() -> int:
        # Imported after the keeper has forked: the parent stays tiny.
        from gateway.daemon.serve import serve as run_daemon  # noqa: PLC0415

        try:
            return run_daemon(options)
        except GatewayError as exc:
            return report_error(exc, as_json=as_json)

    return run_kept(daemon)
