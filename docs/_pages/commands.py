"""The command line's help, verb by verb."""

from __future__ import annotations

from collections.abc import Iterator

import click

from gateway.cli.app import app

WIDTH = 100
INTRO = """# Commands

What `--help` says, verb by verb.
"""


def reference() -> str:
    """docs/reference/cli.md."""
    root = click.Context(app, info_name="mcp-gateway", terminal_width=WIDTH, max_content_width=WIDTH)
    return "\n".join([INTRO, *_pages(app, root)])


def _pages(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## `{context.command_path}`\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _pages(inner, click.Context(inner, info_name=name, parent=context))
