"""config check, show, init, reload."""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from gateway.cli.session import Session, verb
from gateway.errors import ConfigError, GatewayError, UsageError

Json = dict[str, Any]
EXAMPLE = "config.example.toml"


@click.group()
def config() -> None:
    """Check, show, make and reload the configuration."""


@config.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="config.toml")
@verb
def check(session: Session, file: Path) -> None:
    """Check a configuration file and tell all its problems at once."""
    # Imported here: heavy, and no other verb reads the file itself.
    from gateway.config import load_config  # noqa: PLC0415
    from gateway.config.rules import cuda_problem  # noqa: PLC0415

    config = load_config(_text(file), file=str(file))
    if problem := cuda_problem(config.learning.device, os.path.exists):
        raise ConfigError([problem], file=str(file))
    session.show({"file": str(file), "ok": True, "problems": []}, lambda result: [f"{result['file']} is good"])


def _text(file: Path) -> str:
    from gateway.daemon.files import read_regular  # noqa: PLC0415 - as above

    try:
        return read_regular(str(file))
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise UsageError(
            f"{file} cannot be read: {reason}", fix="Name a file, or make one: mcp-gateway config init"
        ) from exc


@config.command()
@verb
def show(session: Session) -> None:
    """Print the configuration in force, with the installed servers, as TOML; secrets are never in it."""
    session.show(session.ask("config_show"), lambda result: str(result["toml"]).rstrip("\n").split("\n"))


@config.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="config.toml")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@verb
def init(session: Session, file: Path, force: bool) -> None:
    """Write a configuration file with every setting at its default, explained."""
    text = example()
    try:
        with file.open("w" if force else "x", encoding="utf-8") as written:
            written.write(text)
    except FileExistsError as exc:
        raise UsageError(f"{file} exists already", fix="Name another file, or say --force to replace it.") from exc
    except OSError as exc:
        raise UsageError(f"{file} cannot be written: {exc.strerror}", fix="Name a file in a folder of yours.") from exc
    session.show(
        {"file": str(file)}, lambda result: [f"wrote {result['file']}; use it: mcp-gateway serve --config {file}"]
    )


def example() -> str:
    """Return the text of config.example.toml: from the package, or from the source tree."""
    return packaged("gateway.config", EXAMPLE, EXAMPLE)


def packaged(package: str, name: str, in_source: str) -> str:
    """Return the text of a file that a wheel carries in a package and a source tree at its root.

    Raises: GatewayError when it is in neither place.
    """
    inside = importlib.resources.files(package) / name
    if inside.is_file():
        return inside.read_text(encoding="utf-8")
    beside = Path(__file__).parents[2] / in_source
    if beside.is_file():
        return beside.read_text(encoding="utf-8")
    raise GatewayError(
        f"{name} is missing from this installation", fix="Install mcp-gateway again.", code="installation"
    )


@config.command()
@verb
def reload(session: Session) -> None:
    """Make the running gateway apply its changed file; unchanged servers keep running."""
    session.show(session.ask("config_reload"), _reloaded)


def _reloaded(result: Json) -> Iterable[str]:
    for word in ("added", "changed", "removed"):
        names = result.get(word) or []
        if names:
            yield f"{word}: {', '.join(names)}"
    yield f"unchanged: {result.get('unchanged', 0)}"
    if not result.get("file"):
        yield "No configuration file was read: put config.toml into the state directory, or say serve --config FILE"
    if needs_restart := result.get("needs_restart"):
        yield f"changed, and in force after a restart only: {', '.join(f'[{name}]' for name in needs_restart)}"
