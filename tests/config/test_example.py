"""config.example.toml says every setting with its default, and its examples work."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from gateway.config import Config, load_config
from gateway.config.fields import array_of_tables, keys, table_of

TEXT = (Path(__file__).parents[2] / "config.example.toml").read_text(encoding="utf-8")


def _defaults(section: Any) -> dict[str, Any]:
    """The section as TOML spells it, arrays of tables left out."""
    return {
        key.name: _defaults(value) if table_of(key.type) else list(value) if isinstance(value, tuple) else value
        for key in keys(type(section))
        if not array_of_tables(key.type)
        for value in [getattr(section, key.attribute)]
    }


def test_it_is_the_defaults_key_by_key() -> None:
    assert tomllib.loads(TEXT) == _defaults(Config())
    assert load_config(TEXT) == Config()


def test_every_key_has_a_comment_above() -> None:
    lines = TEXT.splitlines()
    settings = [number for number, line in enumerate(lines) if re.match(r"\w+ = ", line)]
    assert len(settings) > 60
    assert [lines[number] for number in settings if not lines[number - 1].startswith("# ")] == []


def test_its_examples_work_once_their_marks_are_removed() -> None:
    config = load_config(re.sub(r"(?m)^#(?=\S)", "", TEXT))
    assert {server.name for server in config.server} == {"clock", "echo", "mine", "far"}
    assert len(config.discover) == len(config.profile) == 1
    assert config.server[2].restart.RestartSec == 1.0
