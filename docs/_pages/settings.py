"""The configuration's reference page and config.example.toml, both from the section classes."""

from __future__ import annotations

import textwrap
from typing import Any

import tomlkit

from gateway.config.fields import MISSING, Key, array_of_tables, keys, table_of, tables, type_words
from gateway.config.sections import Config

WIDTH = 116
INTRO = """# Configuration

`mcp-gateway serve --config config.toml`. Every key has a default, so that no file is needed at all; an unknown key is
an error, and all problems are reported at once with their place (`mcp-gateway config check FILE`). A changed file is
applied by `mcp-gateway config reload` or SIGHUP: unchanged servers keep running; a bad file is refused whole.

The environment beats the file: `SMITHERY_API_KEY`, `SMITHERY_BASE_URL`, `SMITHERY_CONNECT_BASE_URL`,
`MCP_REGISTRY_BASE_URL`. The Smithery key is the first of that variable, the systemd credential `smithery-api-key`,
`smithery.api_key` and the text of `smithery.api_key_file`.
"""
HEADER = """# mcp-gateway: every setting with its default. All of them may be left out.
# Copy this file to config.toml, change what you need, and check it: mcp-gateway config check config.toml
# Lines that begin with # and no blank are examples: remove the # to use them.
"""
EXAMPLES = {
    "discover": """
#[[discover]]
#query = "search the web"
#limit = 1
""",
    "server": """
#[[server]]
#name = "clock"
#from = "pypi:mcp-server-time==2026.10.19"
#args = ["--local-timezone", "Europe/Berlin"]

#[[server]]
#name = "echo"
#from = "smithery:acme/echo"
#config = { greeting = "hello" }
#secrets = ["apiKey"]
#session = "per-agent"

#[[server]]
#name = "mine"
#command = ["python3", "/srv/mine/server.py"]
#env = { LOG_LEVEL = "info" }
#required = true
#[server.restart]
#RestartSec = 1.0
#[server.health]
#IntervalSec = 30.0
#[server.limits]
#timeout_s = 60.0

#[[server]]
#name = "far"
#url = "https://mcp.example.com/mcp"
#headers = { Authorization = "Bearer ${secret:FAR_TOKEN}" }
#secrets = ["FAR_TOKEN"]
#prefix = ""
""",
    "profile": """
#[[profile]]
#name = "writers"
#servers = ["clock", "mine"]
#mode = "all"
""",
}


def reference() -> str:
    """docs/reference/config.md."""
    parts = [INTRO]
    for path, section in tables(Config):
        parts += [
            f"## `{_heading(path)}`\n",
            _about(section),
            "| key | type | default | meaning |",
            "| --- | --- | --- | --- |",
        ]
        parts += [_row(key) for key in keys(section) if not _is_table(key)]
        parts.append("")
    return "\n".join(parts)


def example() -> str:
    """config.example.toml."""
    parts = [HEADER]
    for key in keys(Config):
        array = array_of_tables(key.type)
        if array is not None:
            parts += [*_comment(_summary(array)), EXAMPLES[key.name].lstrip("\n")]
        else:
            parts += _example_table(key.name, key.type)
    return "\n".join(parts).rstrip("\n") + "\n"


def _example_table(path: str, section: type) -> list[str]:
    lines = [*_comment(_summary(section)), f"[{path}]"]
    for key in keys(section):
        if not _is_table(key):
            lines += [*_comment(_with_choices(key)), f"{key.name} = {_toml(key.default)}"]
    lines.append("")
    for key in keys(section):
        if (inner := table_of(key.type)) is not None:
            lines += _example_table(f"{path}.{key.name}", inner)
    return lines


def _comment(text: str) -> list[str]:
    lines = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}" for line in lines]


def _with_choices(key: Key) -> str:
    words = type_words(key.type)
    return f"{key.meaning} ({words})" if words.startswith("one of") else key.meaning


def _is_table(key: Key) -> bool:
    return table_of(key.type) is not None or array_of_tables(key.type) is not None


def _heading(path: str) -> str:
    """`server[].restart` is written `[server.restart]`, `server[]` `[[server]]`."""
    plain = path.replace("[]", "")
    return f"[[{plain}]]" if path.endswith("[]") else f"[{plain}]"


def _about(section: type) -> str:
    return " ".join((section.__doc__ or "").split()) + "\n"


def _summary(section: type) -> str:
    return _about(section).strip()


def _row(key: Key) -> str:
    default = "required" if key.default is MISSING else "" if key.default is None else f"`{_toml(key.default)}`"
    meaning = key.meaning + (f" ({_bounds(key)})" if key.range else "")
    cells = (f"`{key.name}`", type_words(key.type), default, meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _bounds(key: Key) -> str:
    assert key.range is not None  # noqa: S101 - the caller asked
    return f"{key.range.low:g} to {key.range.high:g}"


def _toml(value: Any) -> str:
    if value == {}:
        return "{}"
    return str(tomlkit.item(list(value) if isinstance(value, tuple) else value).as_string())
