"""Tool definitions as clients get them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.endpoint.definitions import Unusable, is_schema, shown_definition
from tests.endpoint.fakes import tool


def shown(raw: str, name: str = "a__x") -> bytes:
    return shown_definition(replace(tool("a", "x"), definition=raw.encode()), name)


def test_only_the_name_is_exchanged_and_the_rest_stays_as_bytes() -> None:
    raw = (
        '{"zz":1.00,"name":"x","description":"d\\u00e9","inputSchema":{"type" : "object","a":1e2},"new":{"b":1,"a":2}}'
    )
    expected = raw.replace('"name":"x"', '"name":"a__x"')
    assert shown(raw) == expected.encode()


@pytest.mark.parametrize("member", ["", '"description":null,', '"description":"",', '"description":"  ",'])
def test_a_missing_description_is_filled_in(member: str) -> None:
    definition = json.loads(shown(f'{{"name":"x",{member}"inputSchema":{{"type":"object"}}}}'))
    assert definition["description"] == "x of a"


def test_a_missing_input_schema_is_an_object_without_properties() -> None:
    assert json.loads(shown('{"name":"x","description":"d"}'))["inputSchema"] == {"type": "object"}


def test_optional_members_that_are_null_go() -> None:
    raw = '{"name":"x","title":null,"description":"d","inputSchema":{"type":"object"},"annotations":null}'
    assert sorted(json.loads(shown(raw))) == ["description", "inputSchema", "name"]


@pytest.mark.parametrize(
    "members",
    [{"description": 5}, {"title": []}, {"inputSchema": []}, {"inputSchema": {"type": "string"}}, {"annotations": "no"},
     {"icons": {}}, {"_meta": 1}, {"outputSchema": "no"}],
)  # fmt: skip
def test_what_clients_would_reject_is_unusable(members: dict[str, Any]) -> None:
    definition = {"name": "x", "description": "d", "inputSchema": {"type": "object"}, **members}
    with pytest.raises(Unusable):
        shown(json.dumps(definition))


@pytest.mark.parametrize("raw", ["[]", "{", '"x"', '{"name":"\\ud800'])
def test_what_is_no_object_is_unusable(raw: str) -> None:
    with pytest.raises(Unusable):
        shown(raw)


def test_invalid_utf8_is_unusable() -> None:
    with pytest.raises(Unusable):
        shown_definition(replace(tool("a", "x"), definition=b'{"name":"\xff"}'), "a__x")


def test_an_output_schema_that_no_client_can_use_goes() -> None:
    raw = '{"name":"x","description":"d","inputSchema":{"type":"object"},"outputSchema":{"type":"nonsense"}}'
    assert "outputSchema" not in json.loads(shown(raw))


def test_a_good_output_schema_stays() -> None:
    raw = '{"name":"a__x","description":"d","inputSchema":{"type":"object"},"outputSchema":{"type":"object"}}'
    assert shown(raw) == raw.encode()


def test_a_schema_is_an_object_that_its_dialect_accepts() -> None:
    assert is_schema({"type": "object"})
    assert not is_schema(True)
    assert not is_schema({"required": "all"})
