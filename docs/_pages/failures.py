"""Error codes, from the exceptions and the wire's numbers."""

from __future__ import annotations

from collections.abc import Iterator

from gateway import errors
from gateway.endpoint.answers import CODES
from gateway.protocol import codes

INTRO = """# Errors

With `--json`, and from the API, an error is `{"error": {"code", "message", "fix", "details"?}}`. Exit statuses: 0 done,
1 failed, 2 wrong usage, 3 no gateway is running, 4 refused by a rule.
"""
WIRE = """
## On the MCP wire

What lies behind the gateway answers a call with a result that has `isError: true` and one of these codes in
`_meta["gateway/error"]`: {codes}.

A JSON-RPC error is only what the caller itself did wrong:
"""


def reference() -> str:
    """docs/reference/errors.md."""
    lines = [INTRO, "| code | exit status | meaning |", "| --- | --- | --- |"]
    by_code: dict[str, type[errors.GatewayError]] = {}
    for kind in _tree(errors.GatewayError):
        by_code.setdefault(kind.code, kind)
    lines += [f"| `{code}` | {kind.exit_status} | {_first_line(kind)} |" for code, kind in by_code.items()]
    lines += [WIRE.format(codes=", ".join(f"`{code}`" for code in sorted(CODES))), "| number | name |", "| --- | --- |"]
    numbers = [(name, value) for name, value in vars(codes).items() if isinstance(value, int) and name.isupper()]
    lines += [f"| {value} | {name.lower().replace('_', ' ')} |" for name, value in numbers]
    return "\n".join(lines) + "\n"


def _tree(kind: type[errors.GatewayError]) -> Iterator[type[errors.GatewayError]]:
    yield kind
    for inner in kind.__subclasses__():
        if inner.__module__ == errors.__name__:  # rooms may have narrower ones of their own
            yield from _tree(inner)


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().split("\n")[0]
