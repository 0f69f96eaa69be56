"""What may be a secret, and how it is kept out of every text."""

from __future__ import annotations

import pytest

from gateway.errors import UsageError
from gateway.install.secrets.values import MAX_SECRET_BYTES, SecretValues, checked_bytes, checked_server


def test_values_are_in_no_spelling_and_still_there() -> None:
    values = SecretValues({"B": "canary", "A": "canary"})
    assert f"{values!r} {values}" == "SecretValues(['A', 'B']) SecretValues(['A', 'B'])"
    assert (dict(values), len(values)) == ({"B": "canary", "A": "canary"}, 2)


@pytest.mark.parametrize("value", ["", "a\0b", "x" * (MAX_SECRET_BYTES + 1)])
def test_what_cannot_be_kept_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(UsageError) as refused:
        checked_bytes("K", value)
    assert not value or value not in refused.value.message + refused.value.fix


def test_any_other_text_is_kept_to_the_byte() -> None:
    assert checked_bytes("K", "ä\n") == b"\xc3\xa4\n"
    assert checked_bytes("K", "x" * MAX_SECRET_BYTES) == b"x" * MAX_SECRET_BYTES


@pytest.mark.parametrize("name", ["../x", "A", "", "a/b", "gate way"])
def test_only_a_servers_name_becomes_a_folder(name: str) -> None:
    with pytest.raises(UsageError):
        checked_server(name)
