"""Each connection judged for itself, each reason with its fix."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.install.fitness.connections import judge_connection, package_reference
from gateway.install.fitness.verdict import State
from gateway.install.planning.machine import Machine, Program
from gateway.listing import (
    BundleConnection,
    Connection,
    InputSpec,
    PackageConnection,
    RemoteConnection,
    UnsupportedConnection,
)
from tests.install.values import BARE, MACHINE

WITH_BUN = replace(MACHINE, bun=Program("/usr/bin/bun", (1, 2, 0)))
WITH_DOCKER = replace(MACHINE, docker=Program("/usr/bin/docker", (28, 2, 2)), docker_engine="28.1.0")
NO_ENGINE = replace(WITH_DOCKER, docker_engine=None)
IMAGE = PackageConnection("oci", "ghcr.io/acme/x:1.2.3")


@pytest.mark.parametrize(
    ("connection", "machine"),
    [
        (PackageConnection("npm", "x", "1.0.0"), MACHINE),
        (PackageConnection("pypi", "x", "1.0.0"), MACHINE),
        (IMAGE, WITH_DOCKER),
        (BundleConnection("https://x.example/b", "bun"), WITH_BUN),
        (BundleConnection("https://x.example/b", "binary"), BARE),
        (BundleConnection("https://x.example/b"), BARE),
        (RemoteConnection("https://x.example/mcp"), BARE),
    ],
)
def test_what_can_be_used_has_no_failed_check(connection: Connection, machine: Machine) -> None:
    assert judge_connection(connection, machine).failed == ()


@pytest.mark.parametrize(
    ("connection", "machine", "what", "says"),
    [
        (IMAGE, MACHINE, "runtime", "needs Docker, which is not installed"),
        (IMAGE, NO_ENGINE, "runtime", "engine, which does not answer"),
        (BundleConnection("https://x.example/b", "bun"), MACHINE, "runtime", "needs bun"),
        (RemoteConnection("https://x.example/sse", "sse"), MACHINE, "transport", "retired SSE"),
        (PackageConnection("npm", "x", "1.0.0", transport="streamable-http"), MACHINE, "transport", "only stdio"),
        (PackageConnection("npm", "x", "^1.0.0"), MACHINE, "registry", "malformed"),
        (PackageConnection("oci", "ghcr.io/acme/x:latest"), WITH_DOCKER, "registry", "malformed"),
        (PackageConnection("nuget", "x", "1.0.0"), MACHINE, "runtime", ".NET"),
        (PackageConnection("npm", "x", "1", runtime_arguments=(InputSpec("-e", kind="named"),)), BARE, "runtime", "-e"),
        (UnsupportedConnection("none", "nothing is listed"), MACHINE, "registry", "nothing is listed"),
        (UnsupportedConnection("stdioFunction", "remote code"), MACHINE, "runtime", "remote code"),
    ],
)
def test_what_cannot_be_used_says_what_why_and_what_to_do(
    connection: Connection, machine: Machine, what: str, says: str
) -> None:
    failed = judge_connection(connection, machine).failed
    assert any(check.what.value == what and says in check.message for check in failed)
    assert all(check.fix for check in failed)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    connection = PackageConnection(
        "npm", "--x", "1", transport="sse", runtime_arguments=(InputSpec("-e", kind="named"),)
    )
    whats = [check.what.value for check in judge_connection(connection, BARE).failed]
    assert whats == ["runtime", "transport", "registry", "runtime"]


def test_what_only_the_bundle_can_say_is_left_open() -> None:
    checks = judge_connection(BundleConnection("https://x.example/b"), MACHINE).checks
    assert [check.what.value for check in checks if check.state is State.UNKNOWN] == ["runtime", "platform", "size"]


def test_a_package_is_spelled_as_a_person_would() -> None:
    assert package_reference(PackageConnection("npm", "@a/x", "1.0.0")) == "npm:@a/x@1.0.0"
    assert package_reference(PackageConnection("pypi", "x", "1.0")) == "pypi:x==1.0"
    assert package_reference(PackageConnection("oci", "ghcr.io/a/x", "1.0")) == "oci:ghcr.io/a/x:1.0"
    assert package_reference(PackageConnection("oci", "ghcr.io/a/x:2", "1.0")) == "oci:ghcr.io/a/x:2"
