"""Host and Origin headers that are ours, and those that are not."""

from __future__ import annotations

import pytest

from gateway.endpoint.wherefrom import host_allowed, origin_allowed

ALLOWED = {"gw.example.org", "gw2.example.org:8443"}


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8808", "localhost:1", "LOCALHOST:8808", "[::1]:8808", "[::1]", "gw.example.org",
     "gw.example.org:443", "gw2.example.org:8443"],
)  # fmt: skip
def test_loopback_and_configured_hosts_are_served(host: str) -> None:
    assert host_allowed(host, ALLOWED)


@pytest.mark.parametrize(
    "host",
    ["", "evil.com", "127.0.0.1.evil.com", "localhost:1@x", "localhost.evil.com", "evil.com:8808", "127.0.0.1:8808:1",
     "localhost:x", "0.0.0.0", "[::1", "gw2.example.org", "gw2.example.org:1", "127.0.0.1, evil.com", "2130706433",
     "localhost\n", "a b"],
)  # fmt: skip
def test_every_other_host_is_not(host: str) -> None:
    assert not host_allowed(host, ALLOWED)


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://127.0.0.1:8808", "127.0.0.1:8808", "http"),
        ("http://localhost:8808", "127.0.0.1:8808", "http"),
        ("http://[::1]:8808", "localhost:8808", "http"),
        ("http://localhost", "localhost", "http"),
        ("https://gw.example.org", "gw.example.org", "https"),
        ("https://gw.example.org:8443", "gw.example.org:8443", "http"),
        ("https://app.example.org", "127.0.0.1:8808", "http"),
    ],
)
def test_our_own_and_configured_pages_may_call(origin: str, host: str, scheme: str) -> None:
    assert origin_allowed(origin, host, scheme, {"https://app.example.org"})


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://evil.com", "http://localhost.evil.com", "https://127.0.0.1:9999", "http://127.0.0.1:9999",
     "https://127.0.0.1:8808", "http://127.0.0.1", "http://x@127.0.0.1:8808", "file://", "http://127.0.0.1:8808/path",
     "http://127.0.0.1:8808.evil.com", "chrome-extension://abc", "https://app.example.org.evil.com"],
)  # fmt: skip
def test_every_other_page_may_not(origin: str) -> None:
    assert not origin_allowed(origin, "127.0.0.1:8808", "http", {"https://app.example.org"})
