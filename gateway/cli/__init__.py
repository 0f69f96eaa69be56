"""The command line: one small file per family of verbs, no logic. Importing it costs nothing."""

from __future__ import annotations


def main() -> None:
    """Entry point of `mcp-gateway`."""
    from gateway.cli.app import run  # noqa: PLC0415 - whoever only imports the package does not pay for click

    raise SystemExit(run())
