"""Checks of single values."""

from __future__ import annotations

import pytest

from gateway.config import checks


@pytest.mark.parametrize(
    ("text", "per_second"), [("5/s", 5.0), ("300/m", 5.0), ("0.5 / s", 0.5), ("3600/hour", 1.0), ("90/min", 1.5)]
)
def test_rates_are_read_per_second(text: str, per_second: float) -> None:
    assert checks.parse_rate(text) == per_second
    assert checks.rate(text) == ""


@pytest.mark.parametrize("text", ["", "5", "0/s", "-1/s", "5/d", "many/s", "5/s/s"])
def test_other_texts_are_no_rates(text: str) -> None:
    assert checks.parse_rate(text) is None
    assert "5/s" in checks.rate(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_only_this_machine_reaches_loopback(host: str) -> None:
    assert checks.is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "localhost.example.com", ""])
def test_others_may_be_reached_from_elsewhere(host: str) -> None:
    assert not checks.is_loopback(host)


@pytest.mark.parametrize("text", ["cpu", "auto", "cuda", "cuda:0", "cuda:12"])
def test_devices_that_torch_knows(text: str) -> None:
    assert checks.device(text) == ""


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:x", "cuda0", "mps"])
def test_devices_that_are_refused(text: str) -> None:
    assert "cuda:N" in checks.device(text)


@pytest.mark.parametrize("text", ["", "my-app", "Team_2"])
def test_namespaces_of_connect(text: str) -> None:
    assert checks.namespace(text) == ""


@pytest.mark.parametrize("text", ["-a", "a/b", "..", "a b", "ä", "a" * 101])
def test_namespaces_that_could_leave_their_place_are_refused(text: str) -> None:
    assert checks.namespace(text)


@pytest.mark.parametrize("text", ["a", "git-2", "a" * 24])
def test_names_that_a_server_may_have(text: str) -> None:
    assert checks.name(text) == ""


@pytest.mark.parametrize("text", ["", "Git", "a_b", "-a", "a-", "a" * 25, "é", "a\n", "../x", "gateway"])
def test_names_that_it_may_not_have(text: str) -> None:
    assert checks.name(text)


@pytest.mark.parametrize("text", ["", "https://example.com", "http://127.0.0.1:9/mcp?x=1", "https://[::1]:8080/"])
def test_urls(text: str) -> None:
    assert checks.http_url(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "example.com",
        "ftp://x",
        "https://",
        "https://a b",
        "https://u:p@x",
        "https://x:99999",
        "http://[::1",
        "file:///x",
    ],
)
def test_texts_that_are_no_urls_of_ours(text: str) -> None:
    assert checks.http_url(text)


def test_origins_have_no_path() -> None:
    assert checks.origins(("https://a.example:1", "http://b")) == ""
    assert "'https://a/b'" in checks.origins(("https://a/b",))
    assert checks.origins(("",))


@pytest.mark.parametrize(
    "text",
    [
        "npm:pkg@1.2.3",
        "npm:@scope/pkg@1",
        "pypi:pkg==1",
        "smithery:acme/echo",
        "registry:io.github.a/b",
        "acme/echo",
        "starter:time",
        "mcpb:https://x/y.mcpb#sha256=ab",
    ],
)
def test_references_that_can_be_installed(text: str) -> None:
    assert checks.reference(text) == ""


@pytest.mark.parametrize("text", ["oci:", "openapi:https://x", "git:x", "npm:", "npm:a b", "npm:a\n"])
def test_references_that_cannot(text: str) -> None:
    assert checks.reference(text)


def test_a_store_of_a_later_version_is_explained() -> None:
    assert checks.store_url("") == ""
    assert checks.store_url("sqlite:////var/lib/gateway.db") == ""
    assert "later version" in checks.store_url("postgresql+asyncpg://x")
    assert checks.store_url("gateway.db")


def test_environment_headers_secrets_and_commands() -> None:
    assert checks.environment({"A_1": "x"}) == ""
    assert checks.environment({"A-1": "x"})
    assert checks.environment({"A": "x\0"})
    assert checks.headers({"X-Key": "x"}) == ""
    assert checks.headers({"X Key": "x"})
    assert checks.headers({"X-Key": "x\r\nHost: y"})
    assert checks.secret_names(("API_KEY", "apiKey", "x-api.key")) == ""
    assert checks.secret_names(("../key",))
    assert checks.argv(("python3", "")) == ""
    assert checks.argv(("", "x"))
    assert checks.argv(("x\0",))


def test_prefixes() -> None:
    assert checks.prefix("") == ""
    assert checks.prefix("git") == ""
    assert "own tools" in checks.prefix("gateway")
    assert checks.prefix("x" * 41)


def test_hashes_are_64_hexadecimal_digits() -> None:
    assert checks.sha256("") == checks.sha256("ab" * 32) == checks.pins({"echo": "ab" * 32, "@server": "cd" * 32}) == ""
    for text in ("ab", "AB" * 32, "zz" * 32, "ab" * 33):
        assert checks.sha256(text)
        assert "'echo'" in checks.pins({"echo": text})
    assert checks.pins({"": "ab" * 32})
