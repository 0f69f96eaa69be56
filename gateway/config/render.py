"""A `Config` as TOML text that reads back equal; only what differs from the defaults is written. No I/O."""

from __future__ import annotations

from typing import Any

import tomlkit
from tomlkit.items import AoT, Table

from gateway.config.fields import MISSING, Key, array_of_tables, keys, table_of
from gateway.config.registries import SmitherySection
from gateway.config.sections import Config

SECRET_KEYS = {"api_key"}
SECRET_TABLES = {(SmitherySection, "headers")}  # headers of a registry may carry a proxy's password


def render_config(config: Config, *, show_secrets: bool = False) -> str:
    """Spell a configuration as TOML. Keys that hold secrets are left out, with a comment, unless `show_secrets`."""
    document = tomlkit.document()
    for name, item in _items(config, show_secrets):
        document.append(name, item)
    return tomlkit.dumps(document)


def _items(section: Any, show_secrets: bool) -> list[tuple[str, Any]]:
    """The keys of a section that differ from their defaults, tables last."""
    changed = [(key, getattr(section, key.attribute)) for key in keys(type(section))]
    changed = [(key, value) for key, value in changed if key.default is MISSING or value != key.default]
    changed.sort(key=lambda pair: _is_table(pair[0]))
    return [(key.name, _item(key, value, show_secrets)) for key, value in changed if value is not None]


def _item(key: Key, value: Any, show_secrets: bool) -> Any:
    if table_of(key.type):
        return _table(value, show_secrets)
    if array_of_tables(key.type):
        array = AoT([])
        for entry in value:
            array.append(_table(entry, show_secrets))
        return array
    return tomlkit.item(_plain(value))


def _table(section: Any, show_secrets: bool) -> Table:
    table = tomlkit.table()
    for name, item in _items(section, show_secrets):
        if (name in SECRET_KEYS or (type(section), name) in SECRET_TABLES) and not show_secrets:
            table.add(tomlkit.comment(f"{name} is set, not shown"))
        else:
            table.append(name, item)
    return table


def _is_table(key: Key) -> bool:
    plain_dict = getattr(key.type, "__origin__", None) is dict
    return plain_dict or table_of(key.type) is not None or array_of_tables(key.type) is not None


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
