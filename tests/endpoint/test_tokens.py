"""The two tokens."""

from __future__ import annotations

import hashlib

import pytest

from gateway.endpoint.tokens import Tokens

TOKENS = Tokens.of("agents", "admin")


def test_each_token_opens_what_it_is_for() -> None:
    agents, admin = TOKENS.check("agents"), TOKENS.check("admin")
    assert agents is not None
    assert admin is not None
    assert (agents.admin, admin.admin) == (False, True)


def test_the_principal_is_a_short_digest_of_the_token() -> None:
    grant = TOKENS.check("agents")
    assert grant is not None
    assert grant.principal == hashlib.sha256(b"agents").hexdigest()[:16]


@pytest.mark.parametrize("wrong", ["", "agent", "agents ", "AGENTS", "agentsadmin", "é\ud800"])
def test_anything_else_opens_nothing(wrong: str) -> None:
    assert TOKENS.check(wrong) is None


def test_an_empty_token_opens_nothing_even_if_none_was_set() -> None:
    assert Tokens.of("", "").check("") is None


def test_no_token_is_kept_in_the_clear() -> None:
    assert "s3cret" not in repr(Tokens.of("s3cret", "s3cret-admin"))
