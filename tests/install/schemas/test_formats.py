"""Formats of values."""

from __future__ import annotations

import pytest

from gateway.install.schemas.formats import example, fits

FORMATS = ["uri", "url", "email", "hostname", "ipv4", "ipv6", "uuid", "date", "time", "date-time"]


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_takes_its_own_example_and_no_nonsense(format_: str) -> None:
    assert fits(example(format_), format_) is True
    assert fits("not a value of any format", format_) is False
    assert fits("", format_) is False
    assert fits("a" * 10_000, format_) is False


@pytest.mark.parametrize(
    ("text", "format_", "fit"),
    [
        ("localhost:8080/x", "uri", True),  # a scheme called localhost, as RFC 3986 reads it
        ("/relative", "uri", False),
        ("https://exa mple.com", "uri", False),
        ("http://[::1", "uri", False),
        ("a@b@c", "email", False),
        ("-bad.example", "hostname", False),
        ("192.0.2.256", "ipv4", False),
        ("fe80::1%eth0", "ipv6", False),
        ("2026-02-30", "date", False),
        ("20260131", "date", False),
        ("2026-01-31T12:30:00", "date-time", False),
        ("2026-01-31 12:30:00Z", "date-time", False),
        ("1230", "time", False),
    ],
)
def test_a_text_has_a_format_or_not(text: str, format_: str, fit: bool) -> None:
    assert fits(text, format_) is fit


def test_a_format_that_is_not_checked_says_nothing() -> None:
    assert (fits("x", "duration"), example("duration")) == (None, "")
