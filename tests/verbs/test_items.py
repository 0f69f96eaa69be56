from __future__ import annotations

import json

from gateway.clock import rfc3339
from gateway.discovery.finder import SourceState
from gateway.discovery.parsing.shapes import Drift
from gateway.discovery.ranking import RankedListing
from gateway.errors import Who
from gateway.listing import Listing, PackageConnection, RemoteConnection
from gateway.model import Origin, ServerName, ServerSpec, Source, StdioLaunch
from gateway.store.installed import InstalledServer
from gateway.verbs import items
from tests.install.values import BARE, MACHINE
from tests.verbs.fakes import bundle_listing

SPEC = ServerSpec(
    ServerName("time"), "pypi:mcp-server-time==1.0", Origin.STARTER, StdioLaunch(("python",)), version="1.0"
)


def test_a_hit_says_where_it_stands_and_why() -> None:
    ranked = RankedListing(bundle_listing(), ("smithery", "registry"), 0.75, ("verified",))
    item = items.found_item(ranked, MACHINE, set())
    assert (item["sources"], item["score"], item["why"]) == (["smithery", "registry"], 0.75, ["verified"])


def test_what_is_installed_is_known_by_source_and_name() -> None:
    assert items.listing_item(bundle_listing(), MACHINE, {"smithery:acme/echo"})["installed"]
    assert not items.listing_item(bundle_listing(), MACHINE, {"registry:acme/echo"})["installed"]


def test_a_search_result_alone_has_no_verdict() -> None:
    item = items.listing_item(Listing(source=Source.SMITHERY, name="acme/echo"), MACHINE, set())
    assert (item["compatible"], item["reasons"], item["display_name"]) == (None, [], "acme/echo")


def test_what_cannot_run_here_says_why() -> None:
    npm = Listing(source=Source.REGISTRY, name="a/b", connections=(PackageConnection("npm", "thing", "1.0.0"),))
    item = items.listing_item(npm, BARE, set())
    assert item["compatible"] is False
    assert "Node.js" in item["reasons"][0]


def test_a_connection_tells_its_kind() -> None:
    item = items.connection_item(RemoteConnection("https://a.example/mcp"))
    assert (item["type"], item["url"]) == ("remote", "https://a.example/mcp")


def test_the_configuration_is_that_of_the_first_connection_that_wants_any() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    listing = Listing(
        source=Source.SMITHERY,
        name="a/b",
        connections=(PackageConnection("npm", "b"), RemoteConnection("https://a.example", config_schema=schema)),
    )
    assert items.config_schemas(listing) == schema
    assert items.config_schemas(Listing(source=Source.SMITHERY, name="a/b")) is None


def test_a_source_tells_its_state_and_age() -> None:
    state = SourceState("smithery", "stale", 60.0, "no answer")
    assert items.source_item(state) == {
        "name": "smithery", "state": "stale", "age_s": 60.0, "message": "no answer", "who": None, "drift": [],
    }  # fmt: skip


def test_a_source_tells_who_must_act_and_how_its_answers_changed() -> None:
    state = SourceState("smithery", "unauthorized", None, "401", Who.PERSON)
    row = items.source_item(state, [Drift("servers[].useCount", "type", 3)])
    assert row["who"] == "person"
    assert row["drift"] == [{"field": "servers[].useCount", "kind": "type", "count": 3}]


def test_a_server_of_the_file_has_nothing_installed() -> None:
    row = items.server_item(SPEC, None, 0)
    assert (row["sha256"], row["installed_at"], row["pinned_tools"]) == (None, None, 0)


def test_an_installed_server_tells_what_was_installed_when() -> None:
    kept = InstalledServer(SPEC, "ab" * 32, 1_800_000_000.0, "1.0", from_ref="pypi:mcp-server-time")
    row = items.server_item(SPEC, kept, 2)
    assert row == {
        "name": "time",
        "from": "pypi:mcp-server-time==1.0",
        "origin": "starter",
        "version": "1.0",
        "sha256": "ab" * 32,
        "installed_at": rfc3339(1_800_000_000.0),
        "pinned_tools": 2,
        "previous_version": None,
        "note": "",
    }
    assert json.loads(json.dumps(row)) == row


def test_a_listing_tells_its_checks_each_with_its_fix() -> None:
    npm = Listing(source=Source.REGISTRY, name="a/b", connections=(PackageConnection("npm", "thing", "1.0.0"),))
    checks = items.listing_item(npm, BARE, set())["checks"]
    (runtime,) = [check for check in checks if check["what"] == "runtime"]
    assert (runtime["state"], "Install Node.js" in runtime["fix"]) == ("failed", True)


def test_a_failed_scan_makes_a_listing_unfit_unless_the_operator_names_it() -> None:
    remote = RemoteConnection("https://a.example/mcp")
    scanned = Listing(source=Source.SMITHERY, name="a/b", connections=(remote,), scan_passed=False)
    found = [items.listing_item(scanned, MACHINE, set(), allowed=names)["compatible"] for names in ((), ("a/b",))]
    assert found == [False, True]


def test_each_connection_tells_whether_it_would_be_used_and_why_not() -> None:
    connections = (PackageConnection("npm", "thing", "1.0.0"), RemoteConnection("https://a.example/mcp"))
    npm, remote = items.connection_items(Listing(source=Source.REGISTRY, name="a/b", connections=connections), BARE)
    assert (npm["compatible"], npm["chosen"], "Node.js" in npm["reasons"][0]) == (False, False, True)
    assert (remote["compatible"], remote["chosen"], remote["reasons"]) == (True, True, [])
