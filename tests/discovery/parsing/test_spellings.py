"""Older names of fields."""

from __future__ import annotations

import pytest

from gateway.discovery.parsing.spellings import RegistryFields


def test_older_names_are_read_as_todays_at_every_depth() -> None:
    fields = RegistryFields({"packages": [{"registry_type": "npm", "transport": {"transport_type": "sse"}}]})
    (row,) = fields.rows("packages")
    assert (row.line("registryType"), row.fields("transport").line("type")) == ("npm", "sse")


def test_todays_name_counts_where_both_are_there() -> None:
    assert RegistryFields({"is_secret": True, "isSecret": False}).flag("isSecret") is False


@pytest.mark.parametrize("raw", [None, 5, "x", [], {}])
def test_what_is_no_object_has_no_fields(raw: object) -> None:
    assert RegistryFields(raw).line("registryType") == ""
