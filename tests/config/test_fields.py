"""What sections say about their keys."""

from __future__ import annotations

from gateway.config.fields import MISSING, keys, tables, type_words
from gateway.config.sections import Config
from gateway.config.server import ServerSection


def test_every_key_of_every_section_says_what_it_means() -> None:
    sections = dict(tables(Config))
    assert len(sections) >= 16
    silent = [
        f"{path}.{key.name}"
        for path, section in sections.items()
        for key in keys(section)
        if not key.meaning and not type_words(key.type).endswith("table")
    ]
    assert silent == []


def test_from_is_spelled_without_its_underscore() -> None:
    names = {key.attribute: key.name for key in keys(ServerSection)}
    assert names["from_"] == "from"


def test_required_keys_have_no_default() -> None:
    assert [key.name for key in keys(ServerSection) if key.default is MISSING] == ["name"]


def test_tables_inside_arrays_have_their_path() -> None:
    assert "server[].restart" in dict(tables(Config))
    assert "learning.coordination" in dict(tables(Config))
