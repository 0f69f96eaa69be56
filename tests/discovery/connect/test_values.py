"""How what is asked for is spelled."""

from __future__ import annotations

import pytest

from gateway.discovery.connect.values import Grant, NewConnection


@pytest.mark.parametrize(
    ("seconds", "spelled"), [(3600, "1h"), (5400, "90m"), (45, "45s"), (0, "1s"), (10**9, "24h"), (-5, "1s")]
)
def test_a_token_lives_at_most_a_day(seconds: int, spelled: str) -> None:
    assert Grant("my-app", ttl_s=seconds).body()["policy"][0]["ttl"] == spelled


def test_a_grant_names_one_namespace_and_what_may_be_done() -> None:
    body = Grant("my-app", metadata={"userId": "u1"}).body()
    assert body == {
        "policy": [
            {
                "namespaces": "my-app", "resources": "connections", "operations": ["read", "execute"], "ttl": "1h",
                "metadata": {"userId": "u1"},
            }
        ]
    }  # fmt: skip


def test_what_is_not_given_is_not_sent() -> None:
    assert NewConnection(server="acme/x").body() == {"server": "acme/x"}
    whole = NewConnection(mcp_url="https://a.example", name="n", metadata={}, headers={"k": "v"}).body()
    assert whole == {"mcpUrl": "https://a.example", "name": "n", "metadata": {}, "headers": {"k": "v"}}
