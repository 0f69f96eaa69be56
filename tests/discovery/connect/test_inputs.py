"""Which value travels where."""

from __future__ import annotations

import pytest

from gateway.discovery.connect.inputs import assign, key_for, leads_to, slots, with_query, without_query
from gateway.discovery.connect.values import AskedValue, Status

SCHEMA = {
    "properties": {
        "apiKey": {"type": "string", "x-from": {"header": "x-api-key"}},
        "units": {"type": "string", "x-from": {"query": "u"}},
        "plain": {"type": "string"},
    }
}
ASKS = Status(
    "input_required", headers=(AskedValue("X-Api-Key"), AskedValue("x-team")), missing_query=("region",),
)  # fmt: skip


def test_what_the_schema_names_comes_before_what_the_connection_asks_for() -> None:
    found = [(slot.key, slot.where, slot.name) for slot in slots(SCHEMA, ASKS)]
    assert found == [
        ("apiKey", "header", "x-api-key"), ("units", "query", "u"), ("plain", "query", "plain"),
        ("x-team", "header", "x-team"), ("region", "query", "region"),
    ]  # fmt: skip


def test_values_go_by_key_or_by_the_name_they_travel_under() -> None:
    given = {"apiKey": "k", "X-TEAM": "t", "units": "us", "region": "eu"}
    assigned = assign(given, slots(SCHEMA, ASKS))
    assert (assigned.headers, assigned.query) == ({"x-api-key": "k", "x-team": "t"}, {"u": "us", "region": "eu"})
    assert (assigned.unknown, assigned.refused, bool(assigned)) == ((), (), True)
    assert "'k'" not in repr(assigned)


def test_what_nobody_asks_for_is_told() -> None:
    assigned = assign({"other": "1"}, slots(SCHEMA, Status()))
    assert (assigned.unknown, bool(assigned)) == (("other",), False)


@pytest.mark.parametrize(
    "name", ["Authorization", "cookie", "cf-ray", "smithery-x", "Host", "mcp-session-id", "a b", ""]
)
def test_a_header_that_is_not_the_publishers_to_set_is_refused(name: str) -> None:
    places = slots({"properties": {"k": {"x-from": {"header": name}}}}, Status())
    assert assign({"k": "v"}, places).refused == (name,)


@pytest.mark.parametrize("value", ["a\r\nx: y", "\x00", "\u20ac", "\x7f"])
def test_a_value_that_a_header_cannot_carry_is_refused(value: str) -> None:
    assert assign({"apiKey": value}, slots(SCHEMA, Status())).refused == ("x-api-key",)


@pytest.mark.parametrize(
    "schema", [{}, {"properties": None}, {"properties": {"k": None}}, {"properties": {"k": {"x-from": 3}}}]
)
def test_an_odd_schema_breaks_nothing(schema: dict[str, object]) -> None:
    assert all(slot.where == "query" for slot in slots(schema, Status()))


def test_a_missing_header_is_asked_for_by_its_key() -> None:
    assert key_for("header", "X-API-KEY", slots(SCHEMA, Status())) == "apiKey"
    assert key_for("header", "x-other", slots(SCHEMA, Status())) == "x-other"


def test_parameters_are_added_to_an_address_and_replace_their_like() -> None:
    assert with_query("https://a.example/x?u=si&k=1", {"u": "u s&"}) == "https://a.example/x?k=1&u=u+s%26"
    assert with_query("https://a.example/x", {}) == "https://a.example/x"
    assert without_query("https://a.example/x?api_key=secret#f") == "https://a.example/x"


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://server.smithery.ai/acme/weather", True), ("https://server.smithery.ai/@Acme/weather/mcp?x=1", True),
        ("http://127.0.0.1:1/deployed/acme/weather", True), ("https://server.smithery.ai/evil-acme/weather", False),
        ("https://server.smithery.ai/acme/weather2", False), (None, False), ("https://acme-weather.run.tools", False),
    ],
)  # fmt: skip
def test_an_address_that_is_plainly_a_servers_is_known(url: str | None, same: bool) -> None:
    assert leads_to(url, "acme/weather") is same
