"""Reading the answer to tools/list."""

from __future__ import annotations

import pytest

from gateway.errors import RemoteProtocolError
from gateway.model import ServerName
from gateway.protocol.tools import read_page

SERVER = ServerName("s")


def test_a_definition_keeps_its_bytes_and_tells_what_we_read() -> None:
    raw = (
        b'{ "name":"t", "description":"d", "inputSchema":{"type":"object"}, "outputSchema":{"type":"object"},'
        b'"annotations":{"title":"T","readOnlyHint":true,"destructiveHint":false,"idempotentHint":true},'
        b'"x-new":[1.50] }'
    )
    (tool,) = read_page(SERVER, b'{"tools":[' + raw + b"]}").tools
    assert tool.definition == raw
    assert (tool.ref.tool, tool.title, tool.description) == ("t", "T", "d")
    assert (tool.read_only, tool.idempotent, tool.destructive) == (True, True, False)
    assert (tool.input_schema, tool.output_schema) == ({"type": "object"}, {"type": "object"})


def test_silence_about_hints_means_the_worst() -> None:
    (tool,) = read_page(SERVER, b'{"tools":[{"name":"t","inputSchema":{}}]}').tools
    assert (tool.read_only, tool.idempotent, tool.destructive, tool.description) == (False, False, True, "")


def test_malformed_tools_are_skipped_and_counted() -> None:
    page = read_page(
        SERVER,
        b'{"tools":[{"name":7},{"description":"x"},"text",{"name":""},{"name":"ok"},{"name":"l","inputSchema":[]},'
        b'{"name":"a","annotations":[]}],"nextCursor":"c"}',
    )
    assert ([t.ref.tool for t in page.tools], page.skipped, page.next_cursor) == (["ok"], 6, "c")


@pytest.mark.parametrize("answer", [b"[]", b"{}", b'{"tools":{}}', b'{"tools":[],"nextCursor":3}', b"{"])
def test_an_answer_that_is_no_list_is_a_protocol_error(answer: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read_page(SERVER, answer)
