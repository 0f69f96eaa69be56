"""Verdicts with reasons."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.bundles.manifest import Manifest
from gateway.install.planning.compatibility import Unfit, fit, judged_with_values, require, verdict, why_manifest_not
from gateway.install.planning.machine import Machine
from gateway.install.planning.settings import SettingsError
from gateway.install.planning.starter import starter_listing
from gateway.listing import (
    BundleConnection,
    Connection,
    InputSpec,
    Listing,
    PackageConnection,
    RemoteConnection,
    UnsupportedConnection,
)
from gateway.model import Source
from tests.install.values import BARE, MACHINE, listing

NPM = PackageConnection("npm", "@acme/x", "1.0.0")
PYPI = PackageConnection("pypi", "acme-x", "1.0.0")


@pytest.mark.parametrize(
    "connection",
    [
        NPM,
        PYPI,
        BundleConnection("https://x.example/b", "node"),
        BundleConnection("https://x.example/b"),
        RemoteConnection("https://x.example"),
    ],
)
def test_what_can_run_here_is_compatible_without_reasons(connection: Connection) -> None:
    assert verdict(listing(connection), MACHINE) == (True, [])


@pytest.mark.parametrize(
    ("connection", "machine", "says"),
    [
        (NPM, BARE, "needs Node.js"),
        (PYPI, BARE, "needs Python"),
        (PYPI, replace(MACHINE, uv=None), "needs uv"),
        (BundleConnection("u", "python"), BARE, "needs Python"),
        (BundleConnection("u", "bun"), MACHINE, "bun"),
        (RemoteConnection("u", "sse"), MACHINE, "SSE"),
        (PackageConnection("oci", "ghcr.io/a/b:1"), MACHINE, "needs Docker, which is not installed"),
        (PackageConnection("cargo", "x"), MACHINE, "Rust"),
        (PackageConnection("brand-new", "x"), MACHINE, "brand-new"),
        (PackageConnection("npm", "x", "latest"), MACHINE, "malformed"),
        (PackageConnection("npm", "--registry=x", "1.0.0"), MACHINE, "malformed"),
        (PackageConnection("pypi", "x @ https://e.example/x.whl", "1"), MACHINE, "malformed"),
        (PackageConnection("npm", "x", "1.0.0", transport="streamable-http"), MACHINE, "only stdio"),
        (PackageConnection("npm", "x", "1.0.0", runtime_arguments=(InputSpec("-e", kind="named"),)), MACHINE, "-e"),
        (UnsupportedConnection("stdioFunction", "runs remote code"), MACHINE, "runs remote code"),
    ],
)
def test_what_cannot_run_here_is_told_with_its_reason(connection: Connection, machine: Machine, says: str) -> None:
    compatible, reasons = verdict(listing(connection), machine)
    assert (compatible, says in reasons[0]) == (False, True)


def test_the_first_connection_that_can_run_is_taken() -> None:
    remote = RemoteConnection("https://x.example")
    assert require(listing(NPM, remote), BARE) == remote


def test_every_reason_is_told_when_none_can_run() -> None:
    with pytest.raises(InstallError, match=r"needs Node.*; .*SSE"):
        require(listing(NPM, RemoteConnection("u", "sse")), BARE)


def test_a_listing_without_connections_says_so() -> None:
    assert verdict(listing(), MACHINE) == (False, ["it is listed without any way to install or reach it"])


def test_a_search_result_is_not_judged_before_its_record_is_read() -> None:
    compatible, reasons = verdict(Listing(source=Source.SMITHERY, name="acme/x"), MACHINE)
    assert compatible
    assert "show" in reasons[0]


def test_a_withdrawn_listing_is_not_compatible() -> None:
    assert not verdict(listing(NPM, status="deleted"), MACHINE)[0]


def test_the_git_server_needs_git() -> None:
    assert "git" in verdict(starter_listing("git"), replace(MACHINE, git=None))[1][0]
    assert verdict(starter_listing("git"), MACHINE) == (True, [])


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (Manifest("x", "1", "node", "i.js", "node", platforms=("darwin", "win32")), "made for darwin, win32"),
        (Manifest("x", "1", "node", "i.js", "node", runtimes={"node": ">=99.0.0"}), "needs Node.js >=99.0.0"),
        (Manifest("x", "1", "python", "m.py", "python", runtimes={"python": ">=3.99"}), "needs Python >=3.99"),
    ],
)
def test_a_manifests_demands_are_checked(manifest: Manifest, says: str) -> None:
    assert says in why_manifest_not(manifest, MACHINE)[0]


def test_a_manifest_that_fits_has_nothing_against_it() -> None:
    manifest = Manifest("x", "1", "node", "i.js", "node", platforms=("linux",), runtimes={"node": ">=18"})
    assert why_manifest_not(manifest, MACHINE) == []


def test_a_refusal_names_every_reason_every_fix_and_the_missing_values_at_once() -> None:
    wants = PackageConnection("npm", "x", "1.0.0", environment=(InputSpec("KEY", required=True, secret=True),))
    with pytest.raises(Unfit) as caught:
        fit(listing(wants, RemoteConnection("https://x.example", "sse")), BARE, settings={})
    error = caught.value
    assert all(word in error.message for word in ("needs Node.js", "SSE", "'KEY' is required"))
    assert all(word in error.fix for word in ("Install Node.js", "Streamable HTTP", "--secret KEY", "search"))
    assert [check["what"] for check in error.checks] == ["runtime", "transport", "configuration"]


def test_what_its_registry_says_against_it_is_told_together_with_the_rest() -> None:
    with pytest.raises(RefusedByPolicy, match=r"did not pass.*needs Node") as caught:
        fit(listing(NPM, name="a/x", scan_passed=False), BARE)
    assert "[install] allow: 'a/x'" in caught.value.fix
    assert fit(listing(NPM, name="a/x", scan_passed=False), MACHINE, allowed=("a/x",))[0] == NPM


def test_a_listing_that_only_asks_for_what_is_refused_is_a_matter_of_its_values() -> None:
    connection = PackageConnection("npm", "x", "1.0.0", environment=(InputSpec("LD_PRELOAD", value="x"),))
    with pytest.raises(SettingsError, match="LD_PRELOAD"):
        fit(listing(connection), MACHINE)


def test_given_values_take_the_place_of_what_will_be_asked_for() -> None:
    wants = PackageConnection("npm", "x", "1.0.0", environment=(InputSpec("KEY", required=True, secret=True),))
    connection, checks = fit(listing(wants), MACHINE)
    after = judged_with_values(checks, connection, {}, ["KEY"])
    states = [{check.what.value: check.state.value for check in one}["configuration"] for one in (checks, after)]
    assert states == ["warning", "ok"]
