"""Whatever stands in a configuration file: it is a configuration, or it is refused with its problems."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.config import Config, load_config
from gateway.config.fields import array_of_tables, keys, table_of, without_none
from gateway.config.mcp_servers import read_mcp_servers
from gateway.errors import ConfigError

NUMBERS = ["0", "-1", "1", "0.5", "1e308", "-1e400", "nan", "-inf", "9" * 30, "9" * 5000, "0x" + "f" * 5000]
TEXTS = [
    '""',
    '"\\u0000"',
    '"x"',
    '"é"',
    '"5/s"',
    '"none"',
    '"1K"',
    '"infinity"',
    '"http://[::1"',
    '"' + "y" * 5000 + '"',
    '"${secret:}"',
]
OTHERS = ["true", "[]", "[[]]", '["x"]', "{}", "{x = 1}", '{"" = ""}', "1979-05-27", "07:32:00", "[{}]", "[1, 'x']"]
VALUES = st.sampled_from(NUMBERS + TEXTS + OTHERS)


def tables(section: type = Config, path: str = "") -> dict[str, list[str]]:
    """The heading of each table that there may be, and its keys."""
    found: dict[str, list[str]] = {}
    for key in keys(section):
        kind, _ = without_none(key.type)
        here = f"{path}.{key.name}" if path else key.name
        if (inner := table_of(kind)) is not None:
            found[f"[{here}]"] = [inside.name for inside in keys(inner)]
            found |= tables(inner, here)
        elif (item := array_of_tables(kind)) is not None:
            found[f"[[{here}]]"] = [inside.name for inside in keys(item)]
            found |= tables(item, here)
    return found


TABLES = tables()


@st.composite
def settings(draw: st.DrawFn) -> str:
    """Known sections and keys with values of every kind."""
    lines = []
    for heading in draw(st.lists(st.sampled_from(sorted(TABLES)), max_size=4, unique=True)):
        lines.append(heading)
        known = draw(st.lists(st.sampled_from(TABLES[heading]), max_size=5, unique=True)) if TABLES[heading] else []
        lines += [f"{key} = {draw(VALUES)}" for key in known]
    return "\n".join(lines)


def is_answered(text: str, read: Callable[[str], object] = load_config) -> bool:
    """Whether it is read, or refused with problems that can be printed; anything else is raised."""
    try:
        return read(text) is not None
    except ConfigError as exc:
        return len(str(exc)) > 0 and all(problem.message for problem in exc.problems)


def test_there_are_sections_to_try() -> None:
    assert {"[gateway]", "[[server]]", "[server.limits]", "[server.sandbox]"} <= set(TABLES)


@given(st.text(max_size=400))
@example("a = " + "{b=" * 20_000)
@example("a = " + "[" * 100_000)
@example("a = " + "9" * 10_000)
@example("a = '\ud800'")
def test_any_text_is_answered(text: str) -> None:
    assert is_answered(text)


@given(settings())
def test_any_values_of_known_settings_are_answered(text: str) -> None:
    assert is_answered(text)


@given(st.binary(max_size=400))
def test_any_bytes_that_are_text_are_answered(data: bytes) -> None:
    assert is_answered(data.decode("utf-8", "ignore"))


@given(st.text(max_size=400))
@example('{"mcpServers": {"a": {"command": ' + "9" * 10_000 + "}}}")
@example('{"mcpServers": {"a": {"command": "x", "env": {"A": "\\u0000"}}}}')
@example("[" * 100_000)
def test_any_file_of_servers_is_answered(text: str) -> None:
    assert is_answered(text, read_mcp_servers)
