"""What people complain of at Smithery, impossible here or answered in one line before any download."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.discovery.parsing.smithery import parse_record
from gateway.errors import GatewayError
from gateway.install.planning.blueprint import InstallPlan, RemoteSource
from gateway.install.planning.plan import make_plan
from gateway.listing import InputSpec, Listing, PackageConnection
from gateway.model import RemoteLaunch
from tests.install.values import BARE, MACHINE, NOW, RULES, listing

BASE = "https://api.example"


def record(*connections: dict[str, Any]) -> Listing:
    """A server as Smithery answers it."""
    answer = {"qualifiedName": "acme/notes", "displayName": "Notes", "connections": list(connections)}
    return parse_record(answer, base_url=BASE, fetched_at=NOW)


def plan(target: Listing, settings: dict[str, Any] | None = None, **more: Any) -> InstallPlan:
    wish: dict[str, Any] = {"name": "notes", "machine": MACHINE, "rules": RULES, "now": NOW} | more
    return make_plan(target, settings=settings or {}, **wish)


def address(target: Listing, settings: dict[str, Any], **more: Any) -> RemoteLaunch:
    source = plan(target, settings, **more).source
    assert isinstance(source, RemoteSource)
    return source.launch


REMOTE = {"type": "http", "deploymentUrl": "https://server.example/acme/notes", "configSchema": {}}
AWKWARD = 'C:\\Users\\"me"\\notes {"a": \'b\'} $HOME `id` ; & | %PATH%'


def test_3_a_listing_without_connections_says_so_and_what_could_be_done() -> None:
    with pytest.raises(GatewayError) as caught:
        plan(record())
    assert "cannot run here" in caught.value.message
    assert "search" in caught.value.fix


def test_8_a_key_that_is_missing_from_a_stale_schema_can_be_sent_all_the_same() -> None:
    with pytest.raises(GatewayError, match=r"'apiKey' is not asked for.*header\.NAME"):
        plan(record(REMOTE), {}, secrets={"apiKey": "hunter2"})
    found = address(record(REMOTE), {}, secrets={"header.x-api-key": "hunter2"})
    assert found.headers == {"x-api-key": "${secret:header.x-api-key}"}


def test_8_a_key_that_the_schema_does_ask_for_is_never_forgotten() -> None:
    wanting = {**REMOTE, "configSchema": {"required": ["apiKey"], "properties": {"apiKey": {"type": "string"}}}}
    with pytest.raises(GatewayError, match="'apiKey' is required") as caught:
        plan(record(wanting))
    assert caught.value.fix == "Give --secret apiKey."


def test_9_a_value_arrives_as_it_was_given_whatever_quotes_are_in_it() -> None:
    npm = listing(
        PackageConnection(
            "npm",
            "x",
            "1.0.0",
            environment=(InputSpec("NOTE", required=True),),
            package_arguments=(InputSpec("--note", kind="named"),),
        )
    )
    found = plan(npm, {"NOTE": AWKWARD, "note": AWKWARD})
    assert found.environment["NOTE"] == AWKWARD
    assert found.arguments == ("--note", AWKWARD)
    assert json.loads(json.dumps(found.to_json()))["launch"]["argv"][-1] == AWKWARD


def test_10_a_runtime_that_is_not_there_is_told_before_anything_is_fetched() -> None:
    bundle = {"type": "stdio", "runtime": "node", "bundleUrl": "/servers/acme%2Fnotes/download", "configSchema": {}}
    with pytest.raises(GatewayError, match=r"needs Node\.js 20 or newer, which is not installed") as caught:
        plan(record(bundle), machine=BARE)
    assert "Install Node.js" in caught.value.fix


def test_10_a_server_is_started_by_the_absolute_path_of_its_runtime_not_by_a_name_on_some_path() -> None:
    argv = plan(listing(PackageConnection("npm", "x", "1.0.0"))).to_json()["launch"]["argv"]
    assert argv[0] == "/usr/bin/node"


def test_a_plan_carries_what_was_found_out() -> None:
    checks = plan(listing(PackageConnection("npm", "x", "1.0.0"))).to_json()["checks"]
    assert {check["what"] for check in checks} == {"runtime", "transport", "configuration", "protocol", "tools", "size"}
    assert all(set(check) == {"what", "state", "message", "fix"} for check in checks)
