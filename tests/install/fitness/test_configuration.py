"""What a connection wants to be told."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.install.fitness.configuration import configuration_check
from gateway.install.fitness.verdict import State
from gateway.listing import BundleConnection, Connection, InputSpec, PackageConnection, RemoteConnection

SCHEMA: dict[str, Any] = {
    "required": ["apiKey", "units"],
    "properties": {"apiKey": {"type": "string"}, "units": {"enum": ["si", "us"]}},
}
NPM = PackageConnection(
    "npm",
    "x",
    "1.0.0",
    environment=(InputSpec("KEY", required=True, secret=True),),
    package_arguments=(InputSpec("--city", kind="named", required=True),),
)
REMOTE = RemoteConnection("https://x.example/mcp", config_schema=SCHEMA)
TENANT = RemoteConnection("https://{tenant}.x.example/mcp", variables=(InputSpec("tenant", required=True),))


@pytest.mark.parametrize(
    ("connection", "fix"),
    [
        (NPM, "Give --set city=… --secret KEY."),
        (REMOTE, "Give --set units=… --secret apiKey."),
        (BundleConnection("https://x.example/b", "node", config_schema=SCHEMA), "--secret apiKey"),
        (TENANT, "Give --set tenant=…."),
    ],
)
def test_before_anything_is_given_what_is_wanted_is_a_warning_with_the_way_to_give_it(
    connection: Connection, fix: str
) -> None:
    check = configuration_check(connection)
    assert (check.state, fix in check.fix) == (State.WARNING, True)


@pytest.mark.parametrize("connection", [NPM, REMOTE])
def test_what_is_still_missing_among_given_values_fails(connection: Connection) -> None:
    assert configuration_check(connection, {}).state is State.FAILED


def test_enough_values_are_enough() -> None:
    assert configuration_check(NPM, {"city": "Rome"}, ["KEY"]).state is State.OK
    assert configuration_check(REMOTE, {"units": "si"}, ["apiKey"]).state is State.OK
    assert configuration_check(TENANT, {"tenant": "acme"}).state is State.OK


def test_a_wrong_value_fails_by_name_and_is_not_repeated() -> None:
    check = configuration_check(REMOTE, {"units": "hunter2"}, ["apiKey"])
    assert (check.state, "'units' must be one of 'si', 'us'" in check.message) == (State.FAILED, True)
    assert "hunter2" not in check.message + check.fix


def test_nothing_wanted_is_fine() -> None:
    assert configuration_check(RemoteConnection("https://x.example/mcp")).message == "nothing is required"


def test_a_variable_that_is_refused_fails_whatever_is_given() -> None:
    connection = PackageConnection("npm", "x", "1.0.0", environment=(InputSpec("LD_PRELOAD", value="x.so"),))
    assert configuration_check(connection).state is State.FAILED
    assert configuration_check(connection, trusted=True).state is State.OK


def test_a_broken_schema_is_a_warning() -> None:
    broken = {"properties": {"a": {"type": "nonsense", "default": 1}}}
    check = configuration_check(RemoteConnection("https://x.example/mcp", config_schema=broken))
    assert (check.state, "type is malformed" in check.message) == (State.WARNING, True)


def test_a_key_that_would_travel_as_a_reserved_header_is_told() -> None:
    entry = {"type": "string", "x-from": {"header": "Authorization"}}
    optional = RemoteConnection("https://x.example/mcp", config_schema={"properties": {"a": entry}})
    required = RemoteConnection("https://x.example/mcp", config_schema={"properties": {"a": entry}, "required": ["a"]})
    assert "reserved" in configuration_check(optional).message
    assert [configuration_check(one).state for one in (optional, required)] == [State.WARNING, State.FAILED]
