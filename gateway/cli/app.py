"""The group of all verbs: loads a verb's file when it is used, and turns errors into exit statuses."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence

import click
from click.exceptions import NoArgsIsHelpError

from gateway import __version__
from gateway.cli.output import report_error
from gateway.errors import GatewayError, UsageError

ABORTED = 128 + signal.SIGINT

FAMILIES: dict[str, dict[str, tuple[str, str]]] = {
    "Run": {
        "serve": ("serve:serve", "Run the gateway."),
        "bridge": ("bridge:bridge", "Speak MCP on stdin and stdout for a client, relayed to the running gateway."),
        "massgen": ("massgen:massgen", "Work with MassGen."),
    },
    "Find and install": {
        "search": ("finding:search", "Find servers in all sources."),
        "show": ("finding:show", "Show one listing in full."),
        "install": ("catalogue:install", "Install a server."),
        "upgrade": ("upgrading:upgrade", "Move servers to their newest allowed version."),
        "rollback": ("upgrading:rollback", "Go back to what was installed before."),
        "remove": ("catalogue:remove", "Forget an installed server."),
        "sync": ("sync:sync", "Copy the official registry."),
        "list": ("catalogue:list_", "List installed and configured servers."),
        "approve": ("definitions:approve", "Accept a server's changed tool definitions."),
        "reject": ("definitions:reject", "Drop a server's changed tool definitions."),
        "requests": ("requests:requests", "Decide what agents asked to have installed."),
        "connect": ("connect:connect", "Look at and change connections of Smithery Connect."),
        "secret": ("secret:secret", "Keep secrets for servers."),
    },
    "Servers": {
        "status": ("servers:status", "Show the gateway and its servers."),
        "start": ("servers:start", "Start a stopped or failed server."),
        "stop": ("servers:stop", "Stop a server until it is started."),
        "restart": ("servers:restart", "Stop and start a server."),
        "logs": ("servers:logs", "Show what a server writes to its stderr."),
        "deaths": ("deaths:deaths", "Show how servers ended although they were wanted."),
    },
    "Tools": {
        "tools": ("use:tools", "Show what an agent would be offered now, and why."),
        "call": ("use:call", "Call a tool."),
        "calls": ("use:calls", "Show the newest calls."),
        "runs": ("use:runs", "Show the newest runs."),
        "feedback": ("use:feedback", "Rate a call."),
        "learn": ("learn:learn", "Look at the policy and train it."),
    },
    "Operate": {
        "config": ("config:config", "Check, show, make and reload the configuration."),
        "doctor": ("operate:doctor", "Say what is missing on this machine."),
        "token": ("operate:token", "Show or replace the bearer tokens."),
        "systemd": ("systemd:systemd", "Print or install the systemd unit."),
    },
}
_PLACES = {name: place for family in FAMILIES.values() for name, (place, _) in family.items()}


class VerbGroup(click.Group):
    """Knows every verb by name; imports its file only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the verbs in the order of the help."""
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load one verb."""
        place = _PLACES.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command: click.Command = getattr(importlib.import_module(f"gateway.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the verbs by family, without loading them."""
        for family, verbs in FAMILIES.items():
            with formatter.section(family):
                formatter.write_dl([(name, about) for name, (_, about) in verbs.items()])


@click.group(cls=VerbGroup, name="mcp-gateway", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="mcp-gateway")
def app() -> None:
    """One MCP endpoint for all your servers: finds, installs and supervises them, and learns which tools to offer.

    Every verb takes --json. Exit status: 0 done, 1 failed, 2 wrong usage, 3 no gateway is running, 4 refused by a rule.
    """


def run(arguments: Sequence[str] | None = None, *, platform: str = sys.platform) -> int:
    """Carry out one command line and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if platform == "win32":
        click.echo("error: mcp-gateway does not run on Windows; use WSL 2 or a container.", err=True)
        return 1
    try:
        result: object = app.main(given, prog_name="mcp-gateway", standalone_mode=False)
        return _status_of(result)
    except GatewayError as exc:
        return report_error(exc, as_json=wants_json(given))
    except NoArgsIsHelpError as exc:
        exc.show()
        return exc.exit_code
    except click.UsageError as exc:
        return report_error(_usage_error(exc), as_json=wants_json(given))
    except click.ClickException as exc:
        return report_error(GatewayError(exc.format_message()), as_json=wants_json(given))
    except (click.Abort, KeyboardInterrupt):
        return ABORTED


def wants_json(arguments: Sequence[str]) -> bool:
    """Say whether --json was asked for, also on a line that could not be understood."""
    ours = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in ours


def _status_of(result: object) -> int:
    return result if isinstance(result, int) else 0


def _usage_error(exc: click.UsageError) -> UsageError:
    path = exc.ctx.command_path if exc.ctx else "mcp-gateway"
    return UsageError(exc.format_message(), fix=f"See: {path} --help")
