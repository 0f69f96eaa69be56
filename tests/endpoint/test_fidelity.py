"""What the gateway changes in a child's result, and that it changes nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.endpoint.fidelity import Finish, finish_result, read_result, schema_fault
from gateway.errors import RemoteProtocolError, RpcError

CALL_META = '"_meta":{"gateway/call":{"id":"c1","server":"s"}}'
WEIRD = (
    '{"content":[{"zeta":1,"type":"hologram","alpha":[1e2,100.0,1.50,12345678901234567890123]},'
    '{"type" : "text","text":"caf\\u00e9 \\/ \\ud83d\\ude00"}],"unknown":{"b":-0.0,"a":1E+2},"isError":false'
)


def legacy(**changes: Any) -> Finish:
    return Finish(call_id="c1", server="s", modern=False, **changes)


def modern(**changes: Any) -> Finish:
    return Finish(call_id="c1", server="s", modern=True, server_info=b'{"name":"gw"}', **changes)


def finish(raw: str, how: Finish, fault: str | None = None) -> str:
    return finish_result(read_result("s", raw.encode()), how, fault).raw.decode()


def test_unknown_kinds_number_spellings_order_and_escapes_survive_as_bytes() -> None:
    assert finish(WEIRD + "}", legacy()) == f"{WEIRD},{CALL_META}}}"


def test_the_childs_own_meta_survives_beside_the_call() -> None:
    raw = '{"content":[],"_meta":{"x/y":{"n":1.0},"gateway/call":"forged"}}'
    expected = '{"content":[],"_meta":{"x/y":{"n":1.0},"gateway/call":{"id":"c1","server":"s"}}}'
    assert finish(raw, legacy()) == expected


def test_the_modern_era_adds_its_own_members() -> None:
    result = json.loads(finish('{"content":[]}', modern()))
    assert result["resultType"] == "complete"
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"] == {"name": "gw"}


def test_a_modern_childs_era_members_do_not_reach_a_legacy_client() -> None:
    raw = (
        '{"resultType":"complete","content":[],"ttlMs":5,"cacheScope":"public",'
        '"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"child"}}}'
    )
    assert finish(raw, legacy()) == f'{{"content":[],{CALL_META}}}'


def test_a_modern_childs_name_is_replaced_by_ours() -> None:
    raw = '{"resultType":"complete","content":[],"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"child"}}}'
    assert json.loads(finish(raw, modern()))["_meta"]["io.modelcontextprotocol/serverInfo"] == {"name": "gw"}


def test_a_modern_childs_question_reaches_a_modern_client_untouched() -> None:
    raw = '{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create"}},"requestState":"s"}'
    assert finish(raw, modern()).startswith(raw[:-1])


def test_a_modern_childs_question_cannot_be_put_to_a_legacy_client() -> None:
    with pytest.raises(RpcError, match="input"):
        finish('{"resultType":"input_required","inputRequests":{}}', legacy())


def test_fallback_is_told() -> None:
    result = json.loads(finish('{"content":[]}', legacy(fallback_from="other")))
    assert result["_meta"]["gateway/call"] == {"id": "c1", "server": "s", "fallback_from": "other"}


def test_text_alone_needs_no_note() -> None:
    raw = '{"content":[{"type":"text","text":"all there"}]}'
    assert finish(raw, legacy(result_text=True)) == f"{raw[:-1]},{CALL_META}}}"


def test_without_the_wish_nothing_is_appended() -> None:
    assert finish('{"content":[{"type":"image"}]}', legacy()) == f'{{"content":[{{"type":"image"}}],{CALL_META}}}'


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"type": "image", "data": "AAAA", "mimeType": "image/png"}, "image, image/png, about 3 bytes"),
        ({"type": "audio", "data": "AAAA", "mimeType": "audio/wav"}, "audio, audio/wav"),
        ({"type": "resource_link", "uri": "file:///x", "name": "X"}, "link to file:///x X"),
        ({"type": "resource", "resource": {"uri": "u:1", "text": "inside"}}, "inside"),
        ({"type": "resource", "resource": {"uri": "u:1", "blob": "AA"}}, "resource u:1"),
        ({"type": "resource"}, "embedded resource"),
        ({"type": "hologram"}, "hologram"),
        ("no object", "unknown"),
        ([1], "unknown"),
    ],
)
def test_a_client_that_reads_text_alone_is_told_of_everything_else(item: Any, said: str) -> None:
    raw = json.dumps({"content": [{"type": "text", "text": "t"}, item]})
    content = json.loads(finish(raw, legacy(result_text=True)))["content"]
    assert content[:2] == [{"type": "text", "text": "t"}, item]
    assert said in content[2]["text"]
    assert "[call c1]" in content[2]["text"]


def test_structured_content_without_any_text_is_told_as_text() -> None:
    raw = '{"content":[],"structuredContent":{"n":1.50}}'
    assert '{"n":1.50}' in json.loads(finish(raw, legacy(result_text=True)))["content"][0]["text"]


def test_an_empty_result_is_told_as_such() -> None:
    assert "no content" in json.loads(finish('{"content":[]}', legacy(result_text=True)))["content"][0]["text"]


def test_a_broken_schema_marks_the_result_and_keeps_its_content() -> None:
    raw = '{"content":[{"type":"text","text":"kept"}],"structuredContent":{"n":"x"}}'
    finished = finish_result(read_result("s", raw.encode()), legacy(), "It breaks its schema.")
    result = json.loads(finished.raw)
    assert finished.is_error
    assert result["isError"] is True
    assert [item["text"] for item in result["content"]] == ["It breaks its schema.", "kept"]
    assert result["structuredContent"] == {"n": "x"}


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize(
    ("raw", "breaks"),
    [
        ('{"structuredContent":{"n":1}}', None),
        ('{"structuredContent":{"n":"x"}}', "at n"),
        ('{"structuredContent":{}}', "required"),
        ('{"content":[]}', "returned none"),
        ('{"content":[],"isError":true}', None),
        ('{"resultType":"input_required"}', None),
    ],
)
def test_a_structured_answer_is_held_to_its_own_schema(raw: str, breaks: str | None) -> None:
    fault = schema_fault(read_result("s", raw.encode()), SCHEMA)
    assert fault is None if breaks is None else breaks in (fault or "")


def test_without_a_schema_anything_goes() -> None:
    assert schema_fault(read_result("s", b'{"structuredContent":7}'), None) is None


@pytest.mark.parametrize(
    "schema",
    [{"type": "nonsense"}, {"$ref": "https://example.invalid/schema.json"}, {"patternProperties": {"(a+)+$": False}}],
)
def test_a_schema_that_cannot_be_checked_here_is_not_held_against_the_tool(schema: dict[str, Any]) -> None:
    assert schema_fault(read_result("s", b'{"structuredContent":{"aaaa":1}}'), schema) is None


def test_a_hostile_pattern_is_not_run() -> None:
    schema = {"type": "object", "properties": {"t": {"type": "string", "pattern": "^(a+)+$"}}}
    raw = json.dumps({"structuredContent": {"t": "a" * 64 + "!"}})
    assert schema_fault(read_result("s", raw.encode()), schema) is None


@pytest.mark.parametrize("raw", [b"[]", b"1", b"{", b'{"a":"\xff"}', b"", b"[" * 50_000])
def test_what_is_no_result_is_the_childs_fault(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read_result("s", raw)
