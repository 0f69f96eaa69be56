"""Remote servers: values into query and headers."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.install.planning.remote import remote_launch
from gateway.install.planning.settings import Problems, SettingsError
from gateway.listing import InputSpec, RemoteConnection
from gateway.model import RemoteLaunch


def launch(connection: RemoteConnection, settings: dict[str, Any], *secrets: str) -> RemoteLaunch:
    problems = Problems()
    found = remote_launch(connection, settings, secrets, problems)
    problems.raise_if_any("thing")
    return found


SMITHERY = RemoteConnection(
    url="https://server.example/acme/weather?v=1",
    config_schema={
        "required": ["apiKey"],
        "properties": {
            "apiKey": {"type": "string", "x-from": {"header": "x-api-key"}},
            "city": {"type": "string", "default": "Rome & Paris", "x-from": {"query": "where"}},
            "units": {"type": "string"},
            "days": {"type": "integer"},
        },
    },
)


def test_properties_travel_as_their_x_from_says_and_in_the_query_otherwise() -> None:
    found = launch(SMITHERY, {"units": "si", "days": "3"}, "apiKey")
    assert found.url == "https://server.example/acme/weather?v=1&units=si&days=3&where=Rome%20%26%20Paris"
    assert found.headers == {"x-api-key": "${secret:apiKey}"}


def test_a_secret_in_the_query_is_a_placeholder_for_the_supervisor() -> None:
    assert launch(SMITHERY, {}, "apiKey", "units").url.endswith("&units=${secret:units}")


def test_a_missing_required_value_is_refused_as_a_secret_to_be_given() -> None:
    with pytest.raises(SettingsError) as caught:
        launch(SMITHERY, {})
    assert caught.value.missing_secrets == ("apiKey",)


@pytest.mark.parametrize("header", ["Authorization", "cookie", "cf-ray", "Smithery-Key", "host", "bad name", "x\r\ny"])
def test_reserved_headers_are_refused(header: str) -> None:
    connection = RemoteConnection(
        url="https://x.example/", config_schema={"properties": {"k": {"type": "string", "x-from": {"header": header}}}}
    )
    with pytest.raises(SettingsError):
        launch(connection, {"k": "v"})


REGISTRY = RemoteConnection(
    url="https://{tenant}.acme.example/mcp",
    variables=(InputSpec("tenant", required=True),),
    headers=(
        InputSpec(
            "Authorization",
            value="Bearer {token}",
            required=True,
            secret=True,
            variables=(InputSpec("token", secret=True),),
        ),
        InputSpec("X-Opt"),
    ),
)


def test_templates_of_the_official_registry_are_filled() -> None:
    found = launch(REGISTRY, {"tenant": "blue"}, "token")
    assert found == RemoteLaunch("https://blue.acme.example/mcp", {"Authorization": "Bearer ${secret:token}"})


def of(url: str, *variables: InputSpec) -> RemoteConnection:
    """A remote whose address is a template."""
    return RemoteConnection(url=url, variables=variables)


V, W = InputSpec("v"), InputSpec("w", default="mcp")


@pytest.mark.parametrize(
    ("connection", "settings", "url"),
    [
        (of("https://{v}.acme.example/mcp", V), {"v": "blue-1"}, "https://blue-1.acme.example/mcp"),
        (of("https://api-{v}.acme.example/mcp", V), {"v": "eu"}, "https://api-eu.acme.example/mcp"),
        (of("https://{v}/mcp", V), {"v": "mcp.acme.example"}, "https://mcp.acme.example/mcp"),
        (of("https://{v}:8443/mcp", V), {"v": "mcp.acme.example"}, "https://mcp.acme.example:8443/mcp"),
        (of("https://acme.example:{v}/mcp", V), {"v": 8443}, "https://acme.example:8443/mcp"),
        (of("https://acme.example/{v}/{w}", V, W), {"v": "a b"}, "https://acme.example/a%20b/mcp"),
        (of("https://acme.example/{v}", V), {"v": "../x?y#z"}, "https://acme.example/..%2Fx%3Fy%23z"),
        (of("https://acme.example/mcp?k={v}", V), {"v": "a&b=c"}, "https://acme.example/mcp?k=a%26b%3Dc"),
        (of("https://acme.example/{other}", V), {}, "https://acme.example/{other}"),
        (of("https://{v}.acme.example/{v}", V), {"v": "blue"}, "https://blue.acme.example/blue"),
        (of("https://{v}.acme.example/", InputSpec("v", value="own")), {}, "https://own.acme.example/"),
    ],
)
def test_a_template_is_filled_where_its_variables_stand(
    connection: RemoteConnection, settings: dict[str, Any], url: str
) -> None:
    assert launch(connection, settings).url == url


HOSTILE = ["evil.example/x?", "a.b", "a@evil.example", "x#", "-x", "x-", "a_b", "", "é", "a:80", "[::1]", "x" * 64]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_variable_cannot_change_which_host_is_spoken_to(value: str) -> None:
    with pytest.raises(SettingsError, match="one part of a host name"):
        launch(of("https://{v}.acme.example/mcp", V), {"v": value})


@pytest.mark.parametrize("value", ["evil.example/x", "a@evil.example", "a..b", ".a", "a:1", "[::1]", "", "a b"])
def test_a_host_that_is_left_open_must_be_one(value: str) -> None:
    with pytest.raises(SettingsError, match="must be a host name"):
        launch(of("https://{v}/mcp", V), {"v": value})


@pytest.mark.parametrize("value", ["0", "http", "80/x", "123456", ""])
def test_a_port_must_be_one(value: str) -> None:
    with pytest.raises(SettingsError, match="must be a port"):
        launch(of("https://acme.example:{v}/mcp", V), {"v": value})


@pytest.mark.parametrize("value", [".", ".."])
def test_a_variable_cannot_climb_out_of_its_path(value: str) -> None:
    with pytest.raises(SettingsError, match="lead elsewhere"):
        launch(of("https://acme.example/t/{v}/mcp", V), {"v": value})


def test_an_address_needs_all_that_its_template_names() -> None:
    with pytest.raises(SettingsError) as caught:
        launch(of("https://{v}.acme.example/{v}", V), {})
    assert caught.value.missing == ("v",)


def test_a_host_that_nothing_explains_is_refused() -> None:
    with pytest.raises(SettingsError, match="has no host"):
        launch(of("https://{tenant}.acme.example/mcp", V), {})


def test_choices_of_a_variable_hold_in_addresses_too() -> None:
    region = InputSpec("v", choices=("eu", "us"), default="eu")
    assert launch(of("https://{v}.acme.example/", region), {}).url == "https://eu.acme.example/"
    with pytest.raises(SettingsError, match="one of eu, us"):
        launch(of("https://{v}.acme.example/", region), {"v": "mars"})


def test_a_secret_may_stand_in_the_path_but_never_in_the_host() -> None:
    secret = InputSpec("v", secret=True)
    assert launch(of("https://acme.example/{v}/mcp", secret), {}, "v").url == "https://acme.example/${secret:v}/mcp"
    with pytest.raises(SettingsError, match="no secret may decide which host"):
        launch(of("https://{v}.acme.example/mcp", secret), {}, "v")


def test_an_optional_header_needs_nothing_until_it_is_used() -> None:
    org = InputSpec("org", required=True)
    header = InputSpec("X-Org", value="org={org}", variables=(org,))
    connection = RemoteConnection(url="https://acme.example/", headers=(header,))
    assert launch(connection, {}).headers == {}
    assert launch(connection, {"org": "blue"}).headers == {"X-Org": "org=blue"}


@pytest.mark.parametrize(("name", "value"), [("Host", "x"), ("Cookie", "x"), ("X-A", "a\nb"), ("X-A", "\u20ac")])
def test_headers_that_are_not_a_listings_to_set_are_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError):
        launch(RemoteConnection(url="https://x.example/", headers=(InputSpec(name, value=value),)), {})


def test_a_header_set_twice_is_refused() -> None:
    headers = (InputSpec("X-A", value="1"), InputSpec("x-a", value="2"))
    with pytest.raises(SettingsError, match="twice"):
        launch(RemoteConnection(url="https://x.example/", headers=headers), {})


@pytest.mark.parametrize("connection", [SMITHERY, RemoteConnection("https://x.example/mcp")])
def test_a_key_that_an_outdated_listing_does_not_know_is_sent_when_a_person_insists(
    connection: RemoteConnection,
) -> None:
    problems = Problems()
    settings = {"query.model": "a b", "header.x-team": "red"}
    secrets = ["header.x-key", *(["apiKey"] if connection.config_schema else [])]
    found = remote_launch(connection, settings, secrets, problems)
    problems.raise_if_any("thing")
    assert "model=a%20b" in found.url
    assert (found.headers["x-team"], found.headers["x-key"]) == ("red", "${secret:header.x-key}")
    assert problems.notes[0] == "'query.model' is sent although its registry does not ask for it"


def test_an_unknown_key_is_refused_with_the_nearest_and_the_way_to_insist() -> None:
    with pytest.raises(SettingsError, match=r"'unit' is not asked for; did you mean 'units'\?; .*query\.NAME"):
        launch(SMITHERY, {"unit": "si"}, "apiKey")
    with pytest.raises(SettingsError, match=r"'token' is not asked for; .*header\.NAME"):
        launch(RemoteConnection("https://x.example/mcp"), {}, "token")


@pytest.mark.parametrize("name", ["host", "cookie", "mcp-session-id", "content-length"])
def test_even_who_insists_does_not_set_the_transports_own_headers(name: str) -> None:
    with pytest.raises(SettingsError, match="is refused"):
        launch(RemoteConnection("https://x.example/mcp"), {f"header.{name}": "x"})


def test_a_property_called_header_keeps_its_meaning() -> None:
    schema = {"properties": {"header": {"type": "object", "properties": {"a": {"type": "string"}}}}}
    found = launch(RemoteConnection("https://x.example/mcp", config_schema=schema), {"header.a": "x"})
    assert (found.headers, "header=" in found.url) == ({}, True)


def test_the_value_of_a_secret_is_checked_before_it_is_kept_and_never_repeated() -> None:
    schema = {"properties": {"apiKey": {"type": "string", "pattern": "^sk-"}}}
    problems = Problems()
    connection = RemoteConnection("https://x.example/mcp", config_schema=schema)
    remote_launch(connection, {}, ["apiKey"], problems, {"apiKey": "hunter2"})
    assert problems.lines == ("'apiKey' must match the pattern ^sk-",)


@pytest.mark.parametrize("properties", [5, True, "header", ["header"], None])
def test_a_listing_whose_properties_are_no_table_does_not_stop_a_header_that_is_insisted_on(properties: Any) -> None:
    connection = RemoteConnection(url="https://x.example/", config_schema={"properties": properties})
    assert launch(connection, {"header.X-Own": "v"}).headers == {"X-Own": "v"}
