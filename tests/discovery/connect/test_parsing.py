"""Connect's JSON: the recorded shapes, and the same with fields added, missing, null and of other types."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.discovery.connect import parsing
from gateway.discovery.connect.values import STATES, UNKNOWN, AskedValue
from gateway.errors import ListingInvalid

WHOLE: dict[str, Any] = {
    "connectionId": "wx-1", "name": "wx", "mcpUrl": "https://server.smithery.ai/acme/weather",
    "metadata": {"userId": "u1"}, "createdAt": "2026-05-06T07:08:09.000Z", "iconUrl": None, "transport": "http",
    "serverInfo": {"name": "weather", "version": "2.1.0"}, "status": {"state": "connected"},
}  # fmt: skip
INPUT: dict[str, Any] = {
    "state": "input_required", "setupUrl": "https://smithery.example/setup",
    "http": {
        "headers": {"x-api-key": {"label": "API key", "required": True}}, "query": {"units": {"label": "Units"}},
    },
    "missing": {"headers": ["x-api-key"], "query": ["units"]},
}  # fmt: skip
ODD: list[Any] = [None, 7, "x", [], {}, [None], True, {"a": 1}]


def test_a_whole_connection_is_read() -> None:
    found = parsing.parse_connection(WHOLE)
    assert (found.id, found.name, found.mcp_url) == ("wx-1", "wx", "https://server.smithery.ai/acme/weather")
    assert (found.metadata, found.server_name, found.server_version) == ({"userId": "u1"}, "weather", "2.1.0")
    assert found.status.is_connected


def test_an_uplink_has_no_address() -> None:
    assert parsing.parse_connection({**WHOLE, "mcpUrl": None, "transport": "uplink"}).mcp_url is None


@pytest.mark.parametrize("key", [key for key in WHOLE if key != "connectionId"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_any_field_may_be_anything(key: str, value: Any) -> None:
    found = parsing.parse_connection({**WHOLE, key: value, "added": {"later": [1]}})
    assert found.id == "wx-1"
    assert parsing.parse_connection({k: v for k, v in WHOLE.items() if k != key}).id == "wx-1"


@pytest.mark.parametrize("value", [*ODD, {**WHOLE, "connectionId": None}, {**WHOLE, "connectionId": ""}], ids=repr)
def test_what_has_no_id_is_no_connection(value: Any) -> None:
    with pytest.raises(ListingInvalid):
        parsing.parse_connection(value)


@pytest.mark.parametrize("state", STATES)
def test_every_known_state_is_read(state: str) -> None:
    assert parsing.parse_status({"state": state}).state == state


def test_an_unknown_state_is_kept_as_it_is() -> None:
    found = parsing.parse_status({"state": "hibernating"})
    assert (found.state, found.is_connected, found.needs_a_person) == ("hibernating", False, False)
    assert parsing.parse_status(None).state == UNKNOWN


def test_a_wanted_sign_in_has_its_address() -> None:
    found = parsing.parse_status({"state": "auth_required", "setupUrl": "https://smithery.example/in"})
    assert (found.setup_url, found.needs_a_person) == ("https://smithery.example/in", True)


def test_the_deprecated_name_of_the_address_is_read_too() -> None:
    found = parsing.parse_status({"state": "auth_required", "authorizationUrl": "https://smithery.example/in"})
    assert found.setup_url == "https://smithery.example/in"


@pytest.mark.parametrize(
    "url",
    [
        "http://plain.example/", "javascript:alert(1)", "https://a@evil.example/", "https://", "file:///etc/passwd",
        "https://evil.example/\u202e", "https://evil.example/\x1b[31m", "https://evil.example/ x", 7, None,
        "https://evil.example/" + "a" * 3000, "HTTPS\n://evil.example",
    ],
)  # fmt: skip
def test_an_address_that_nobody_should_open_is_not_shown(url: Any) -> None:
    assert parsing.parse_status({"state": "auth_required", "setupUrl": url}).setup_url is None


def test_wanted_values_are_read_with_their_labels() -> None:
    found = parsing.parse_status(INPUT)
    assert found.headers == (AskedValue("x-api-key", "API key", required=True),)
    assert found.query == (AskedValue("units", "Units"),)
    assert (found.missing_headers, found.missing_query) == (("x-api-key",), ("units",))


@pytest.mark.parametrize("key", ["http", "missing"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_a_status_is_read_whatever_it_holds(key: str, value: Any) -> None:
    assert parsing.parse_status({**INPUT, key: value}).state == "input_required"


def test_a_page_leaves_out_what_is_malformed_and_counts_it() -> None:
    page = parsing.parse_connections({"connections": [WHOLE, None, {"name": "x"}], "nextCursor": "c1"})
    assert ([one.id for one in page.connections], page.cursor, page.skipped) == (["wx-1"], "c1", 2)


@pytest.mark.parametrize("cursor", [None, "", 7, {}])
def test_without_a_usable_cursor_the_listing_ends(cursor: Any) -> None:
    assert parsing.parse_connections({"connections": [], "nextCursor": cursor}).cursor is None


@pytest.mark.parametrize("value", [*ODD, {"connections": {}}], ids=repr)
def test_what_is_no_list_is_said_to_be_none(value: Any) -> None:
    for read in (parsing.parse_connections, parsing.parse_namespaces, parsing.parse_tools, parsing.parse_token):
        with pytest.raises(ListingInvalid):
            read(value)


def test_namespaces_are_read_by_name() -> None:
    assert parsing.parse_namespaces({"namespaces": [{"name": "a"}, {"name": None}, 3, {"name": "b"}]}) == ("a", "b")
    assert parsing.parse_namespace({"name": "a", "createdAt": "x"}) == "a"
    with pytest.raises(ListingInvalid):
        parsing.parse_namespace({"createdAt": "x"})


def test_a_token_has_an_end_and_is_never_spelled() -> None:
    found = parsing.parse_token({"token": "st-1", "expiresAt": "1970-01-02T00:00:00.000Z"})
    assert (found.value, found.expires_at) == ("st-1", 86400.0)
    assert "st-1" not in repr(found)


@pytest.mark.parametrize("moment", [None, "", "tomorrow", 7, "2026-01-01T00:00:00"])
def test_a_token_whose_end_is_not_said_has_none(moment: Any) -> None:
    assert parsing.parse_token({"token": "st-1", "expiresAt": moment}).expires_at is None


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "ä", 7, None])
def test_a_token_that_no_header_can_carry_is_refused(token: Any) -> None:
    with pytest.raises(ListingInvalid):
        parsing.parse_token({"token": token})


def test_tools_are_read_from_a_list_or_by_themselves() -> None:
    tool = {"name": "echo", "description": "Says it back", "inputSchema": {"type": "object"}}
    assert [one.definition for one in parsing.parse_tools({"tools": [tool, 3, {"name": ""}]})] == [tool]
    assert [one.name for one in parsing.parse_tools(tool)] == ["echo"]


def test_a_result_is_an_object_as_it_came() -> None:
    assert parsing.parse_result({"content": [], "x": 1}) == {"content": [], "x": 1}
    with pytest.raises(ListingInvalid):
        parsing.parse_result([])
