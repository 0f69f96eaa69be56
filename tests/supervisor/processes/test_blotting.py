"""Secrets in what a child printed."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.supervisor.processes.blotting import BLOT, blotter
from gateway.supervisor.processes.ring import LineRing

BODY = [
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
    "VJTUt9Us8cKjMzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDu",
    "ictGeurT8jNbvJZHtCSuYEvu",
]
PEM = "\n".join(["-----BEGIN PRIVATE KEY-----", *BODY, "-----END PRIVATE KEY-----", ""])
ACCOUNT = json.dumps({"type": "service_account", "private_key": PEM, "token_uri": "https://oauth2.example/token"})
WORDS = [*BODY, "MIIEvQIB", "ictGeurT"]


def printed(secret: str, text: str) -> str:
    """What the log shows of a text that a child with this secret printed."""
    ring = LineRing(clean=blotter({"K": secret}))
    ring.feed(text.encode() + b"\n")
    return "\n".join(ring.tail(1000))


def test_secrets_are_blotted_out_longest_first_and_short_ones_left() -> None:
    blot = blotter({"A": "abcd", "B": "abcdef", "C": "x"})
    assert blot("abcdef abcd x") == "*** *** x"
    assert blotter({})("abc") == "abc"


@pytest.mark.parametrize(
    "text",
    [PEM, PEM.replace("\n", "\r\n"), PEM.replace("\n", " "), repr(PEM), json.dumps(PEM),
     json.dumps({"k": {"key": PEM}}, indent=2),
     ACCOUNT, json.dumps(ACCOUNT), json.dumps(json.loads(ACCOUNT), indent=4), f"key: {BODY[1]} was refused"],
)  # fmt: skip
@pytest.mark.parametrize("secret", [PEM, ACCOUNT], ids=["PEM", "JSON"])
def test_a_key_of_several_lines_is_blotted_out_however_it_is_printed(secret: str, text: str) -> None:
    shown = printed(secret, text)
    assert BLOT in shown
    assert not [word for word in WORDS if word in shown]


@pytest.mark.parametrize("secret", [PEM, ACCOUNT, "sk-plain/key+with=signs"])
@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("after", ["", "!", "!!"])
def test_its_base64_is_blotted_out_wherever_in_a_text_it_stood(secret: str, before: str, after: str) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        code = encode((before + secret + after).encode()).decode()
        shown = printed(secret, f"Authorization: Basic {code}")
        assert BLOT in shown
        assert code[8:24] not in shown


@pytest.mark.parametrize("secret", [PEM, ACCOUNT])
def test_its_base64_in_lines_is_blotted_out(secret: str) -> None:
    lines = base64.encodebytes(secret.encode()).decode()
    shown = printed(secret, lines)
    assert not [line for line in lines.splitlines() if len(line) >= 8 and line in shown]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=8, max_size=60))
def test_every_spelling_of_any_secret_is_blotted_out(secret: str) -> None:
    blot = blotter({"K": secret})
    for spelled in (secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), quote(secret, safe="")):
        assert BLOT in blot(f"before {spelled} after")


def test_what_merely_surrounds_a_secret_stays() -> None:
    assert printed(ACCOUNT, "POST https://oauth2.example/token for service_account: 401") == (
        "POST https://oauth2.example/token for service_account: 401"
    )


def test_a_value_that_is_no_text_is_no_trouble() -> None:
    assert blotter({"K": "abc\udcffdefghij"})("nothing of it") == "nothing of it"
