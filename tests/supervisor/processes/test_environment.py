"""What a child gets to see."""

from __future__ import annotations

import pytest

from gateway.model import ServerName
from gateway.supervisor.processes.environment import MissingSecretError, child_environment, fill, named_in

OURS = {
    "PATH": "/ours",
    "HOME": "/root",
    "LANG": "C",
    "NOTIFY_SOCKET": "/run/x",
    "MCP_GATEWAY_TOKEN": "t",
    "HTTP_PROXY": "p",
}
NAME = ServerName("srv")


def test_secrets_are_filled_in() -> None:
    assert fill({"A": "Bearer ${secret:K}", "B": "plain"}, {"K": "v"}) == {"A": "Bearer v", "B": "plain"}


def test_a_missing_secret_is_named() -> None:
    with pytest.raises(MissingSecretError) as caught:
        fill({"A": "${secret:API_KEY}"}, {})
    assert caught.value.key == "API_KEY"


def test_a_secret_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    assert fill({"A": "${secret:K}"}, {"K": "${secret:OTHER}"}) == {"A": "${secret:OTHER}"}


def test_an_environment_with_a_path_is_exact_but_for_the_marker() -> None:
    environment = child_environment(NAME, {"PATH": "/p", "X": "1"}, OURS)
    assert environment == {"PATH": "/p", "X": "1", "MCP_GATEWAY_CHILD": "srv"}


def test_the_gateway_that_started_a_child_is_named_and_cannot_be_claimed() -> None:
    claimed = {"PATH": "/p", "MCP_GATEWAY_HOME_ID": "another"}
    assert child_environment(NAME, claimed, OURS, home="abc")["MCP_GATEWAY_HOME_ID"] == "abc"


def test_without_a_path_the_three_basics_are_lent_and_nothing_else() -> None:
    assert child_environment(NAME, {"X": "1", "HOME": "/own"}, OURS) == {
        "PATH": "/ours", "HOME": "/own", "LANG": "C", "X": "1", "MCP_GATEWAY_CHILD": "srv",
    }  # fmt: skip


def test_basics_have_defaults() -> None:
    assert child_environment(NAME, {}, {})["PATH"].endswith("/usr/bin:/bin")


def test_the_secrets_that_values_name_are_told_once_each_in_order() -> None:
    assert named_in(["${secret:B} and ${secret: A }", "plain", "${secret:B}"]) == ("B", "A")
