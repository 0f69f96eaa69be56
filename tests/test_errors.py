from __future__ import annotations

import inspect

import pytest

from gateway import errors
from gateway.errors import ChildGone, ConfigError, GatewayError, Problem, ServerNotReady, UnknownTool


def test_a_configuration_error_tells_every_problem_with_its_path_and_the_file() -> None:
    told = ConfigError([Problem("gateway.port", "too large"), Problem("server[0].name", "missing")], file="my.toml")
    for part in ("my.toml", "2 problem", "gateway.port: too large", "server[0].name: missing"):
        assert part in told.message


def test_an_unknown_tool_names_what_was_probably_meant() -> None:
    assert "echo__echo" in UnknownTool("echo__ecko", ["echo__echo"]).fix
    assert "mcp-gateway tools" in UnknownTool("nothing-like-it").fix


def test_what_happened_to_a_child_is_in_the_message() -> None:
    assert ChildGone("time", reason="killed by SIGKILL").message == "time is gone: killed by SIGKILL"
    assert ServerNotReady("time", state="backoff", reason="it died").message == "time is backoff: it died"


@pytest.mark.parametrize(
    "error", [e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, GatewayError)]
)
def test_every_error_has_a_code_and_an_exit_status_of_the_command_line(error: type[GatewayError]) -> None:
    assert error.code
    assert error.exit_status in {1, 2, 3, 4}
    assert error.__doc__
