"""Facts as rows."""

from __future__ import annotations

import hashlib

import pytest

from gateway.store import rows, schema
from tests.store.examples import NOON, call, decided, rewarded


def test_rows_have_the_columns_of_their_tables() -> None:
    assert len(rows.call_row(call())) == len(schema.CALLS.columns)
    assert len(rows.decision_row(decided().decision)) == len(schema.DECISIONS.columns)
    assert len(rows.reward_row(rewarded())) == len(schema.REWARDS.columns)


def test_times_are_rfc3339_in_utc() -> None:
    assert rows.call_row(call(at=NOON))[1] == "2027-01-15T08:00:00.000Z"


def test_a_query_is_named_by_its_hash() -> None:
    identity = hashlib.sha256(b"what time is it").hexdigest()
    assert rows.query_id(decided().decision) == identity
    assert rows.query_row(decided().decision, 1) == (identity, "what time is it", "2027-01-16T08:00:00.000Z")


def test_a_text_that_may_not_be_kept_is_not_in_the_row() -> None:
    row = rows.query_row(decided().decision, 0)
    assert row is not None
    assert row[1:] == (None, None)


def test_a_decision_without_query_has_no_query_row() -> None:
    assert rows.query_row(decided(query=None).decision, 30) is None


def test_names_that_utf8_cannot_hold_are_made_storable() -> None:
    assert rows.clean("a\ud800b") == "a?b"
    assert rows.clean("Jürgen") == "Jürgen"


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_small_seeds_stay_as_they_are(seed: int) -> None:
    assert rows.signed_64(seed) == seed


def test_a_large_seed_fits_its_column() -> None:
    assert -(2**63) <= rows.signed_64(2**64 - 1) < 2**63
