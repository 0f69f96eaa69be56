"""The command line: one small file per family of verbs, no logic."""


def main() -> None:
    """Entry point of `mcp-gateway`."""
