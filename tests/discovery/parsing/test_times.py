"""Times as registries spell them."""

from __future__ import annotations

import pytest

from gateway.discovery.parsing.times import epoch_of


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T01:01:00+01:00", 60.0),
        ("1970-01-01T00:01:00.250000001Z", 60.25),
        ("1970-01-01T00:01:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_read_where_they_are_times(text: str | None, epoch: float | None) -> None:
    assert epoch_of(text) == epoch
