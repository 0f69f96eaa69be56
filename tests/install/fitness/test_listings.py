"""The verdict on a whole listing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.install.fitness.listings import judge
from gateway.install.fitness.verdict import State, Topic
from gateway.install.planning.starter import starter_listing
from gateway.listing import Listing, PackageConnection, RemoteConnection
from gateway.model import Source
from tests.install.values import BARE, MACHINE, listing

NPM = PackageConnection("npm", "x", "1.0.0")
REMOTE = RemoteConnection("https://x.example/mcp")
SSE = RemoteConnection("https://x.example/sse", "sse")


def test_the_first_connection_that_can_be_used_is_chosen_in_the_publishers_order() -> None:
    found = judge(listing(NPM, SSE, REMOTE), BARE)
    assert (found.verdict.compatible, found.chosen) == (True, REMOTE)
    assert [verdict.compatible for verdict in found.connections] == [False, False, True]


def test_when_none_can_be_used_every_reason_is_told_with_its_fix() -> None:
    found = judge(listing(NPM, SSE), BARE)
    assert (found.chosen, len(found.verdict.reasons), len(found.verdict.fixes)) == (None, 2, 2)


def test_a_search_result_alone_has_no_verdict_unless_it_was_withdrawn() -> None:
    hit = Listing(source=Source.SMITHERY, name="acme/x")
    found = judge(hit, MACHINE).verdict
    assert (found.compatible, found.checks[0].fix) == (None, "mcp-gateway show smithery:acme/x")
    gone = Listing(source=Source.REGISTRY, name="acme/x", status="deleted")
    assert judge(gone, MACHINE).verdict.compatible is False


@pytest.mark.parametrize(
    ("passed", "allowed", "compatible"),
    [(True, (), True), (None, (), True), (False, (), False), (False, ("a/x",), True)],
)
def test_a_failed_scan_stands_in_the_way_unless_the_operator_names_the_server(
    passed: bool | None, allowed: tuple[str, ...], compatible: bool
) -> None:
    scanned = listing(REMOTE, name="a/x", source=Source.SMITHERY, scan_passed=passed)
    assert judge(scanned, MACHINE, allowed=allowed).verdict.compatible is compatible


def test_a_deprecated_server_is_told_with_what_its_publisher_says() -> None:
    checks = judge(listing(REMOTE, status="deprecated", status_message="use y"), MACHINE).verdict.checks
    assert (checks[0].state, checks[0].message) == (State.WARNING, "its publisher calls it deprecated: use y")


def test_the_git_server_needs_git() -> None:
    without = replace(MACHINE, git=None)
    assert "git" in judge(starter_listing("git"), without).verdict.reasons[0]
    assert judge(starter_listing("git"), MACHINE).verdict.compatible


def test_which_protocol_a_server_speaks_is_left_open_with_what_we_understand() -> None:
    checks = judge(listing(REMOTE), MACHINE).verdict.checks
    (protocol,) = [check for check in checks if check.what is Topic.PROTOCOL]
    assert (protocol.state, "2024-11-05 to 2026-07-28" in protocol.message) == (State.UNKNOWN, True)
