"""The list of addresses that must never be dialled for a stranger, trap by trap."""

from __future__ import annotations

import pytest

from gateway.net.addresses import normalise_origins, origin_of, why_not_fetchable, why_not_public


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::a00:1",
        "::ffff:a9fe:a9fe",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:a00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1%eth0",
        "fec0::1",
        "ff02::1",
        "4000::1",
        "not-an-address",
        "",
    ],
)
def test_an_address_that_is_not_ordinary_public_is_refused_with_a_reason(address: str) -> None:
    assert why_not_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "193.0.0.1", "2606:4700:4700::1111"],
)
def test_an_ordinary_public_address_is_allowed(address: str) -> None:
    assert why_not_public(address) is None


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://API.Example.org/x?y", "https://api.example.org:443"),
        ("http://127.0.0.1:8431", "http://127.0.0.1:8431"),
        ("https://[2606:4700::1]/", "https://[2606:4700::1]:443"),
        ("ftp://example.org/", None),
        ("https:///path", None),
        ("https://example.org:99999/", None),
        ("relative/path", None),
    ],
)
def test_the_origin_of_a_url_is_spelled_in_one_way(url: str, origin: str | None) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://user@example.org/",
        "https://trusted.example@evil.example/",
        "https://example.org/a b",
        "https://example.org/\nx",
        "file:///etc/passwd",
        "gopher://example.org/",
        "//example.org/x",
        "",
    ],
)
def test_a_url_is_refused_by_its_spelling(url: str) -> None:
    assert why_not_fetchable(url, frozenset())


def test_a_trusted_origin_may_be_plain_http_but_another_port_of_it_may_not() -> None:
    trusted = normalise_origins(["http://127.0.0.1:8431/base"])
    assert why_not_fetchable("http://127.0.0.1:8431/download", trusted) is None
    assert why_not_fetchable("http://127.0.0.1:8432/download", trusted)


def test_credentials_are_refused_even_at_a_trusted_origin() -> None:
    assert why_not_fetchable("http://a:b@127.0.0.1:1/", normalise_origins(["http://127.0.0.1:1"]))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "app.localhost.",
        "printer.local",
        "metadata.google.internal",
        "router.lan",
        "intranet",
        "x.home.arpa",
    ],
)
def test_names_of_this_machine_and_the_network_around_it_need_no_lookup_to_be_refused(host: str) -> None:
    assert "local network" in (why_not_fetchable(f"https://{host}/", frozenset()) or "")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "1.2.3.4.5", "0"])
def test_a_host_that_is_a_number_in_another_spelling_is_refused(host: str) -> None:
    assert "a number" in (why_not_fetchable(f"https://{host}/", frozenset()) or "")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://example.com:8443/",
        "https://b\u00fccher.example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
    ],
)
def test_ordinary_names_and_addresses_may_be_tried(url: str) -> None:
    assert why_not_fetchable(url, frozenset()) is None


def test_a_trusted_name_of_the_local_network_may_be_tried() -> None:
    assert why_not_fetchable("https://registry.corp/x", normalise_origins(["https://registry.corp"])) is None
