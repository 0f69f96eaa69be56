"""The endpoint's own HTTP answers."""

from __future__ import annotations

import json

from gateway.endpoint.responses import refusal, rpc_error


def test_a_json_rpc_error_has_a_null_id() -> None:
    answer = rpc_error(400, -32700, "Parse error")
    assert json.loads(bytes(answer.body)) == {
        "jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"},
    }  # fmt: skip


def test_a_refusal_says_what_to_do_and_may_end_the_connection() -> None:
    answer = refusal(403, "forbidden", "no", "Do this.", {"x": "y"}, close=True)
    assert json.loads(bytes(answer.body)) == {"error": {"code": "forbidden", "message": "no", "fix": "Do this."}}
    assert (answer.headers["connection"], answer.headers["x"]) == ("close", "y")
