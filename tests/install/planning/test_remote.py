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


def test_a_variable_cannot_change_the_shape_of_the_address() -> None:
    found = launch(REGISTRY, {"tenant": "evil.example/x?"}, "token")
    assert found.url == "https://evil.example%2Fx%3F.acme.example/mcp"


@pytest.mark.parametrize(("name", "value"), [("Host", "x"), ("Cookie", "x"), ("X-A", "a\nb"), ("X-A", "\u20ac")])
def test_headers_that_are_not_a_listings_to_set_are_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError):
        launch(RemoteConnection(url="https://x.example/", headers=(InputSpec(name, value=value),)), {})


def test_a_header_set_twice_is_refused() -> None:
    headers = (InputSpec("X-A", value="1"), InputSpec("x-a", value="2"))
    with pytest.raises(SettingsError, match="twice"):
        launch(RemoteConnection(url="https://x.example/", headers=headers), {})
