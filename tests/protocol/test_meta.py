"""`_meta` within raw JSON."""

from __future__ import annotations

import json

import pytest

from gateway.errors import LocalProtocolError
from gateway.protocol import codes, meta

STAMP = meta.stamp_for("2026-07-28", b'{"name":"g"}')


def test_our_progress_token_goes_out_and_theirs_is_remembered() -> None:
    params, theirs = meta.for_leg(b'{"name":"t","_meta":{"progressToken":"p-1","x":1}}', {}, progress_token=9)
    assert json.loads(params) == {"name": "t", "_meta": {"x": 1, "progressToken": 9}}
    assert theirs == b'"p-1"'


def test_a_callers_token_does_not_travel_when_nobody_tracks() -> None:
    params, theirs = meta.for_leg(b'{"_meta":{"progressToken":1}}', {})
    assert (json.loads(params), theirs) == ({"_meta": {}}, b"1")


def test_other_members_keep_their_bytes() -> None:
    params, _ = meta.for_leg(b'{"arguments":{ "a" : 1.50 },"_meta":{"k":{ "v":1e2 }}}', {}, progress_token=1)
    assert b'"arguments":{ "a" : 1.50 }' in params
    assert b'"k":{ "v":1e2 }' in params


def test_the_stamp_replaces_what_another_leg_said_of_itself() -> None:
    theirs = json.dumps(
        {"_meta": {codes.META_VERSION: "old", codes.META_CLIENT: {"name": "c"}, codes.META_LOG_LEVEL: "info"}}
    )
    params, _ = meta.for_leg(theirs.encode(), STAMP)
    assert json.loads(params)["_meta"] == {
        codes.META_VERSION: "2026-07-28",
        codes.META_CAPABILITIES: {},
        codes.META_CLIENT: {"name": "g"},
        codes.META_LOG_LEVEL: "info",
    }


def test_a_legacy_leg_does_not_hear_of_the_modern_clients_connection() -> None:
    theirs = json.dumps({"_meta": {codes.META_VERSION: "2026-07-28", "traceparent": "00"}}).encode()
    assert json.loads(meta.for_leg(theirs, {})[0]) == {"_meta": {"traceparent": "00"}}


def test_params_without_meta_stay_without() -> None:
    assert meta.for_leg(b'{"a":1}', {}) == (b'{"a":1}', None)
    assert meta.for_leg(None, {}) == (b"{}", None)


def test_members_of_something_else_are_none() -> None:
    assert [meta.members(raw) for raw in (b"[1]", b"7", b"{", b"", None, b"[" * 5000)] == [{}] * 6


def test_params_that_are_no_object_are_a_bug_of_ours() -> None:
    for params in (b"[1]", b'{"a":', b"7"):
        with pytest.raises(LocalProtocolError):
            meta.for_leg(params, {})


def test_the_progress_token_is_found_as_number_or_digits() -> None:
    assert meta.progress_token(b'{"progressToken":12,"progress":1}') == 12
    assert meta.progress_token(b'{"progressToken":"12"}') == 12
    assert [meta.progress_token(p) for p in (b'{"progressToken":"x"}', b"{}", None, b'{"progressToken":1.5}')] == [
        None
    ] * 4


def test_the_callers_token_is_put_back() -> None:
    back = meta.with_progress_token(b'{"progressToken":3,"progress":0.50,"x":[ ]}', b'"mine"')
    assert json.loads(back)["progressToken"] == "mine"
    assert b'"progress":0.50,"x":[ ]' in back
