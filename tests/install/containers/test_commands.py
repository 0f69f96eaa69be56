"""The exact command lines of containers."""

from __future__ import annotations

import pytest

from gateway.install.containers import commands
from gateway.model import RemoteLaunch, StdioLaunch

IMAGE = "ghcr.io/a/x@sha256:" + "a" * 64


def test_a_container_gets_nothing_that_is_not_named_here() -> None:
    argv = commands.run(
        "/usr/bin/docker", IMAGE, server="x", state="0123", variables=["B_KEY", "A"], arguments=["--units", "si"]
    )
    assert argv == (
        "/usr/bin/docker", "run", "--interactive", "--rm", "--init", "--pull=never", "--log-driver=none",
        "--network=bridge", "--cap-drop=ALL", "--security-opt=no-new-privileges",
        "--memory=2g", "--memory-swap=2g", "--cpus=1", "--pids-limit=512",
        "--label=io.mcp-gateway.server=x", "--label=io.mcp-gateway.state=0123",
        "--env", "A", "--env", "B_KEY", IMAGE, "--units", "si",
    )  # fmt: skip


def test_a_launch_of_a_container_is_told_from_others() -> None:
    argv = commands.run("docker", IMAGE, server="x", state="0123", variables=(), arguments=())
    assert commands.runs_container(StdioLaunch(argv))
    assert not commands.runs_container(StdioLaunch(("node", "server.js", "--label=x")))
    assert not commands.runs_container(RemoteLaunch("https://a.example/mcp"))


def test_the_other_command_lines() -> None:
    assert commands.pull("docker", IMAGE) == ("docker", "pull", "--quiet", IMAGE)
    assert commands.inspect("docker", IMAGE) == ("docker", "image", "inspect", "--format", "{{json .}}", IMAGE)
    listing = ("docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", "label=io.mcp-gateway.state=0123")
    assert commands.leftovers("docker", "0123") == listing
    assert commands.leftovers("docker", "0123", "x") == (*listing, "--filter", "label=io.mcp-gateway.server=x")
    assert commands.remove("docker", ["c1", "c2"]) == ("docker", "rm", "--force", "c1", "c2")


def test_the_client_finds_the_operators_engine_and_nothing_else_of_the_environment() -> None:
    environ = {"HOME": "/home/me", "DOCKER_HOST": "unix:///run/user/1/docker.sock", "SECRET": "x", "PATH": "/bin"}
    assert commands.client_variables(environ) == {
        "DOCKER_HOST": "unix:///run/user/1/docker.sock",
        "DOCKER_CONFIG": "/home/me/.docker",
    }
    assert commands.client_variables({"HOME": "/home/me", "DOCKER_CONFIG": "/etc/d"}) == {"DOCKER_CONFIG": "/etc/d"}
    assert commands.client_variables({}) == {}


@pytest.mark.parametrize(
    "name",
    ["DOCKER_HOST", "docker_config", "HTTP_PROXY", "https_proxy", "XDG_RUNTIME_DIR", "LD_PRELOAD", "PATH", "A-B"],
)
def test_a_variable_that_would_mislead_the_client_is_refused(name: str) -> None:
    assert commands.why_variable_refused(name)


@pytest.mark.parametrize("name", ["ACME_KEY", "GOOGLE_API_KEY", "OTEL_SERVICE_NAME", "TZ"])
def test_an_ordinary_variable_may_be_set(name: str) -> None:
    assert commands.why_variable_refused(name) is None
