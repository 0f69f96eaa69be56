"""Planning images: by reference and from a registry's listing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import InstallError, RefusedByPolicy, UsageError
from gateway.install.containers.planning import UNTESTED, why_container_argument_refused, why_registry_refused
from gateway.install.planning.blueprint import ImageSource, InstallPlan
from gateway.install.planning.machine import Machine, Program
from gateway.install.planning.plan import make_plan
from gateway.install.planning.references import parse_reference
from gateway.install.planning.rules import Rules
from gateway.install.planning.settings import SettingsError
from gateway.listing import InputSpec, PackageConnection
from tests.install.values import DAY, MACHINE, NOW, RULES, listing

DIGEST = "a" * 64
WITH_DOCKER = replace(MACHINE, docker=Program("/usr/bin/docker", (28, 2, 2)), docker_engine="28.2.2")
KEY = InputSpec("ACME_KEY", required=True, secret=True)
CITY = InputSpec("city", kind="positional", required=True)


def plan(target: Any, machine: Machine = WITH_DOCKER, rules: Rules = RULES, **more: Any) -> InstallPlan:
    found = parse_reference(target) if isinstance(target, str) else target
    wish: dict[str, Any] = {"name": "weather", "settings": {}, "machine": machine, "rules": rules, "now": NOW} | more
    return make_plan(found, **wish)


def listed(**changes: Any) -> Any:
    connection = PackageConnection(
        "oci", "ghcr.io/acme/weather:1.2.3", environment=(KEY,), package_arguments=(CITY,), **changes
    )
    return listing(connection, version="1.2.3", updated_at="2020-01-01T00:00:00Z")


def test_an_image_is_planned_with_every_command_line() -> None:
    found = plan("oci:ghcr.io/acme/weather:1.2.3", settings={"UNITS": "si"}, secret_keys=["ACME_KEY"])
    assert found.source == ImageSource("ghcr.io/acme/weather", "1.2.3")
    shown = found.to_json()
    assert [step["command"][1:3] for step in shown["steps"]] == [["pull", "--quiet"], ["image", "inspect"]]
    assert shown["launch"]["argv"][-5:] == [
        "--env", "ACME_KEY", "--env", "UNITS", "ghcr.io/acme/weather@sha256:<the digest of this tag>",
    ]  # fmt: skip
    assert shown["launch"]["env"]["ACME_KEY"] == "${secret:ACME_KEY}"
    assert (shown["version"], UNTESTED in shown["warnings"]) == ("1.2.3", True)


def test_a_listed_image_gets_its_arguments_behind_the_image_and_its_secret_by_name() -> None:
    found = plan(listed(), settings={"city": "Oslo", "ACME_KEY": "canary"})
    assert found.launch["argv"][-2:] == ["ghcr.io/acme/weather@sha256:<the digest of this tag>", "Oslo"]
    assert (found.environment, found.given_secrets) == ({"ACME_KEY": "${secret:ACME_KEY}"}, {"ACME_KEY": "canary"})
    assert "canary" not in str(found.to_json())


def test_an_image_by_digest_shows_exactly_what_runs() -> None:
    found = plan(f"oci:ghcr.io/acme/weather@sha256:{DIGEST}")
    assert found.launch["argv"][-1] == f"ghcr.io/acme/weather@sha256:{DIGEST}"
    assert found.version == f"sha256:{DIGEST[:12]}"


def test_an_older_listing_with_the_tag_apart_is_understood() -> None:
    connection = PackageConnection("oci", "ghcr.io/acme/weather", "1.2.3")
    assert plan(listing(connection, updated_at="2020-01-01T00:00:00Z")).source == ImageSource(
        "ghcr.io/acme/weather", "1.2.3"
    )


@pytest.mark.parametrize(
    "argument",
    [
        InputSpec("--privileged", kind="named"),
        InputSpec("-v", kind="named", value="/:/host"),
        InputSpec("--mount", kind="named", value="type=bind,src=/,dst=/host"),
        InputSpec("--network", kind="named", value="host"),
        InputSpec("--pid=host", kind="named"),
        InputSpec("--entrypoint", kind="named", value="/bin/sh"),
        InputSpec("-e", kind="named", value="LD_PRELOAD=x"),
        InputSpec("x", kind="positional", value="--cap-add=ALL"),
    ],
)
def test_an_argument_that_opens_the_container_is_refused(argument: InputSpec) -> None:
    with pytest.raises(InstallError, match="more than a server needs") as caught:
        plan(listed(runtime_arguments=(argument,)), settings={"city": "Oslo"}, secret_keys=["ACME_KEY"])
    assert caught.value.fix


@pytest.mark.parametrize("name", ["-i", "--interactive", "--rm", "--init", "-it"])
def test_an_argument_that_we_give_anyway_is_fine(name: str) -> None:
    assert why_container_argument_refused(InputSpec(name, kind="named")) is None


@pytest.mark.parametrize("name", ["DOCKER_HOST", "LD_PRELOAD", "HTTPS_PROXY"])
def test_a_variable_that_leads_the_client_astray_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="refused"):
        plan("oci:ghcr.io/acme/weather:1.2.3", settings={name: "x"})
    connection = PackageConnection("oci", "ghcr.io/acme/weather:1", environment=(InputSpec(name, value="x"),))
    with pytest.raises(SettingsError, match="refused"):
        plan(listing(connection, updated_at="2020-01-01T00:00:00Z"))


def test_a_secret_on_the_command_line_of_a_container_is_refused() -> None:
    connection = PackageConnection(
        "oci", "ghcr.io/acme/weather:1", package_arguments=(InputSpec("--key", kind="named", secret=True),)
    )
    with pytest.raises(SettingsError, match="command line"):
        plan(listing(connection, updated_at="2020-01-01T00:00:00Z"), settings={"key": "canary"})


@pytest.mark.parametrize(
    "repository",
    ["localhost/x", "localhost:5000/x", "127.0.0.1:5000/x", "10.0.0.1/x", "registry/x", "reg.internal/x", "a.local/x"],
)
def test_a_registry_of_the_local_network_is_refused_unless_it_is_trusted(repository: str) -> None:
    host = repository.split("/", maxsplit=1)[0]
    assert why_registry_refused(repository, ())
    assert why_registry_refused(repository, (f"http://{host}",)) is None


def test_the_plan_refuses_a_local_registry_with_the_way_out() -> None:
    with pytest.raises(UsageError, match="local network") as caught:
        plan("oci:localhost:5000/x:1")
    assert "trusted_origins" in caught.value.fix


@pytest.mark.parametrize(
    ("machine", "says"),
    [(MACHINE, "not installed"), (replace(WITH_DOCKER, docker_engine=None), "does not answer")],
)
def test_without_docker_or_its_engine_the_reason_and_the_fix_are_told(machine: Machine, says: str) -> None:
    for target in ("oci:ghcr.io/acme/weather:1.2.3", listed()):
        with pytest.raises(InstallError, match=says) as caught:
            plan(target, machine, settings={}, secret_keys=[])
        assert caught.value.fix


def test_allow_and_deny_hold_for_images() -> None:
    with pytest.raises(RefusedByPolicy, match="denied"):
        plan("oci:ghcr.io/acme/weather:1.2.3", rules=Rules(deny=("oci:ghcr.io/acme/*",)))
    with pytest.raises(RefusedByPolicy, match="not on the list"):
        plan("oci:ghcr.io/acme/weather:1.2.3", rules=Rules(allow=("oci:docker.io/*",)))


def test_a_fresh_listed_image_is_refused_by_the_cooldown() -> None:
    fresh = listing(PackageConnection("oci", "ghcr.io/acme/weather:1"), updated_at="2027-01-15T07:00:00Z")
    with pytest.raises(RefusedByPolicy) as caught:
        plan(fresh, now=NOW + DAY / 2)
    assert caught.value.code == "too_fresh"
