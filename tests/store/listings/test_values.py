"""What the catalogue is asked with."""

from __future__ import annotations

from gateway.store.listings.values import EVERYTHING, Filter


def test_without_wishes_everything_alive_is_meant() -> None:
    assert EVERYTHING.where() == ("is_alive", [])


def test_each_wish_is_a_condition_with_its_parameters() -> None:
    where, params = Filter(("smithery", "registry"), verified=True, remote=False, namespace="@Acme").where()
    assert where.count(" AND ") == 4
    assert "remote IS NULL" in where  # unknown: perhaps
    assert params == ["smithery", "registry", 1, 0, 5, "acme/"]
