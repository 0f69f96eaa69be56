"""Address and headers of a remote server, with its secrets."""

from __future__ import annotations

import pytest

from gateway.discovery.connect.badge import HEADER, SECRET
from gateway.errors import SpawnFailed
from gateway.model import RemoteLaunch, ServerName
from gateway.supervisor.talking.http.access import GIVEN_ELSEWHERE, access_to, how_to_mend

FAR = ServerName("far")
LAUNCH = RemoteLaunch("https://far.example/${secret:PLACE}/mcp?key=${secret:KEY}", {"X-Key": "k ${secret:KEY}"})


def test_secrets_are_filled_in_and_cannot_change_the_address() -> None:
    access = access_to(FAR, LAUNCH, {"PLACE": "a/b", "KEY": "c&d=e"})
    assert access.url == "https://far.example/a%2Fb/mcp?key=c%26d%3De"
    assert access.headers == {"x-key": "k c&d=e"}


def test_it_is_spelled_without_its_secrets() -> None:
    assert repr(access_to(FAR, LAUNCH, {"PLACE": "canary", "KEY": "canary"})) == "Access()"


def test_the_same_secrets_make_the_same_access() -> None:
    one, two = {"PLACE": "a", "KEY": "b"}, {"PLACE": "a", "KEY": "c"}
    assert access_to(FAR, LAUNCH, one) == access_to(FAR, LAUNCH, dict(one))
    assert access_to(FAR, LAUNCH, one) != access_to(FAR, LAUNCH, two)


def test_a_secret_that_is_not_set_is_named() -> None:
    with pytest.raises(SpawnFailed, match="the secret PLACE is not set") as caught:
        access_to(FAR, LAUNCH, {"KEY": "b"})
    assert caught.value.fix == "mcp-gateway secret set far PLACE=-"


@pytest.mark.parametrize("value", ["two\nlines", "two\rlines", "nul\0", "\u00fcber"])
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(value: str) -> None:
    with pytest.raises(SpawnFailed, match="unusable header") as caught:
        access_to(FAR, RemoteLaunch("https://far.example", {"X": "${secret:K}"}), {"K": value})
    assert value not in caught.value.message + caught.value.fix


def test_what_to_do_about_refused_credentials_names_the_secrets() -> None:
    assert how_to_mend(FAR, LAUNCH) == (
        "Set it anew: mcp-gateway secret set far PLACE=- or mcp-gateway secret set far KEY=-"
    )
    assert "mcp-gateway secret set far KEY" in how_to_mend(FAR, RemoteLaunch("https://far.example"))


def test_the_key_of_connect_is_not_a_secret_of_the_server() -> None:
    assert SECRET in GIVEN_ELSEWHERE
    told = how_to_mend(FAR, RemoteLaunch("https://far.example", {"Authorization": HEADER}))
    assert told.startswith("Correct SMITHERY_API_KEY")
    assert told.endswith("mcp-gateway restart far")
