"""systemd print, install: the unit that ships with the package."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import click

from gateway.cli.config import packaged
from gateway.cli.session import Session, verb
from gateway.errors import UsageError

UNIT = "mcp-gateway.service"
PLACE = "/etc/systemd/system"
GENERIC = "/usr/bin/env mcp-gateway"
HIDDEN_PLACES = ("/home/", "/root/", "/run/user/", "/tmp/")  # noqa: S108 - what the unit's hardening hides from it


@click.group()
def systemd() -> None:
    """Print or install the systemd unit."""


@systemd.command("print")
@verb
def print_(session: Session) -> None:
    """Print the unit."""
    session.show({"unit": unit_text()}, lambda result: str(result["unit"]).rstrip("\n").split("\n"))


@systemd.command()
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=PLACE,
    show_default=True,
    help="Put it here.",
)
@verb
def install(session: Session, directory: Path) -> None:
    """Write the unit, so that systemctl enable --now mcp-gateway starts this installation."""
    command = own_command()
    target = directory / UNIT
    try:
        target.write_text(for_command(unit_text(), command), encoding="utf-8")
    except OSError as exc:
        raise UsageError(
            f"{target} cannot be written: {exc.strerror}", fix="Run it with sudo, or use: mcp-gateway systemd print"
        ) from exc
    warnings = _warnings(command)
    session.show({"file": str(target), "command": command, "warnings": warnings}, lambda result: [
        f"wrote {result['file']}", *(f"warning: {warning}" for warning in warnings),
        "next: sudo systemctl daemon-reload && sudo systemctl enable --now mcp-gateway",
    ])  # fmt: skip


def unit_text() -> str:
    """Return the unit as it ships."""
    return packaged("gateway.daemon", UNIT, f"systemd/{UNIT}")


def own_command() -> list[str]:
    """Say how this installation is started: its script, else its interpreter."""
    beside = Path(sys.executable).with_name("mcp-gateway")
    script = str(beside) if beside.is_file() else shutil.which("mcp-gateway")
    return [script] if script else [sys.executable, "-m", "gateway"]


def for_command(unit: str, command: list[str]) -> str:
    """Put the absolute command of this installation where the unit looks it up in PATH."""
    # A percent sign is a specifier to systemd.
    return unit.replace(GENERIC, shlex.join(command).replace("%", "%%"))


def _warnings(command: list[str]) -> list[str]:
    if command[0].startswith(HIDDEN_PLACES):
        return [f"the unit's protection hides {command[0]}; install into /opt or with pipx --global"]
    return []
