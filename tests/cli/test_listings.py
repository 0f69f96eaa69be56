"""Listings as lines for people."""

from __future__ import annotations

from typing import Any

from click import unstyle

from gateway.cli.listings import found_lines, listing_lines

Json = dict[str, Any]
ITEM: Json = {
    "name": "acme/echo", "source": "smithery", "sources": ["smithery", "registry"], "description": "Says it back",
    "remote": False, "verified": True, "use_count": 812, "installed": True, "compatible": False,
    "reasons": ["needs node 22"], "warnings": ["its name is one letter away from that of acme/ecko"],
}  # fmt: skip
SCHEMA: Json = {
    "required": ["key"],
    "properties": {
        "key": {"type": "string", "description": "The key", "format": "password"},
        "unit": {"type": ["string", "null"], "default": "C", "enum": ["C", "F"]},
        "odd": True,
    },
}


def found(**result: Any) -> list[str]:
    """A search's lines, without colours."""
    return [unstyle(line) for line in found_lines({"items": [], "sources": [], **result})]


def shown(**item: Any) -> str:
    """A listing's text."""
    return "\n".join(listing_lines({"name": "acme/echo", **item}))


def test_a_row_is_followed_by_what_to_know_before_installing() -> None:
    head, row, about, here, reason, warning = found(items=[ITEM])
    assert "COMPATIBLE" in head
    assert row.split() == ["acme/echo", "smithery", "+1", "local", "yes", "812", "no"]
    assert about.strip() == "Says it back"
    assert here.strip() == "installed"
    assert reason.strip() == "not here: needs node 22"
    assert warning.strip() == "warning: its name is one letter away from that of acme/ecko"


def test_a_usual_row_fits_into_a_hundred_columns() -> None:
    item = {**ITEM, "name": "io.github.some-organisation/weather-forecast", "use_count": 123_456}
    assert max(map(len, found(items=[item]))) <= 100


def test_nothing_found_names_the_nearest_and_who_could_not_be_asked() -> None:
    sources = [
        {"name": "smithery", "state": "down", "age_s": None, "message": "no answer"},
        {"name": "registry", "state": "stale", "age_s": 3600.0, "message": "not asked: an offline search"},
        {"name": "starter", "state": "ok", "age_s": 0.0, "message": ""},
    ]
    lines = found(sources=sources, nearest=["acme/echo"])
    assert lines == [
        "Nothing found. Did you mean acme/echo?",
        "smithery is down: no answer",
        "registry: not asked: an offline search, answers of 1 h 0 min ago",
    ]


def test_the_configuration_is_one_line_for_each_value() -> None:
    text = shown(config_schema=SCHEMA)
    assert "key (string, required, secret): The key" in text
    assert 'unit (["string", "null"]' in text or "unit (string null, optional, default C, one of C, F)" in text
    assert "odd (any, optional)" in text


def test_what_the_chosen_connection_asks_for_is_configuration_too() -> None:
    fixed = {"name": "PATH", "value": "/bin", "variables": []}
    asked = {"name": "API_KEY", "required": True, "secret": True, "format": "string", "description": "Its key"}
    other = {"type": "remote", "url": "https://x.example", "headers": [{"name": "X-Other"}]}
    text = shown(connections=[other, {"type": "package", "chosen": True, "environment": [fixed, asked]}])
    assert "API_KEY (string, required, secret): Its key" in text
    assert "PATH (" not in text
    assert "X-Other (" not in text


def test_commands_are_lines_that_a_shell_would_take() -> None:
    text = shown(
        command=[
            {"step": "fetch", "url": "https://x.example/a.mcpb", "sha256": None},
            {"step": "run", "argv": ["node", "a b.js", "$HOME"], "env": {"KEY": "${secret:KEY}"}},
        ]
    )
    assert "fetch: url https://x.example/a.mcpb" in text
    assert "run: node 'a b.js' '$HOME'" in text
    assert "with KEY='${secret:KEY}'" in text


def test_origins_tools_and_warnings_stand_one_on_a_line() -> None:
    text = shown(
        origins=[
            {"source": "smithery", "name": "acme/echo", "version": "1.0", "status": "active"},
            {"source": "registry", "name": "io.github.acme/echo", "version": None, "status": "deprecated"},
        ],
        tools=[{"name": "say", "description": "Says it.\nMore"}, {"name": "shout"}],
        warnings=["one", "two"],
    )
    assert "smithery: acme/echo 1.0\n" in text
    assert "registry: io.github.acme/echo (deprecated)\n" in text
    assert "say: Says it.\n" in text
    assert "More" not in text


def test_text_of_strangers_cannot_drive_the_terminal() -> None:
    evil = "\x1b[31m\r\n"
    item = {**ITEM, "description": evil, "reasons": [evil], "warnings": [evil], "name": f"a/{evil}"}
    lines = [*found(items=[item]), *found(nearest=[evil], sources=[{"name": "x", "state": "down", "message": evil}])]
    schema = {"properties": {evil: {"description": evil}}}
    command = [{"step": evil, "argv": [evil], "env": {evil: evil}}]
    full = {**item, "config_schema": schema, "tools": [{"name": evil, "description": evil}], "command": command}
    lines += map(unstyle, listing_lines(full))
    assert all(line.isprintable() for line in lines)
