from __future__ import annotations

from gateway.protocol.scanning.changes import difference


def test_the_same_definition_has_no_difference() -> None:
    assert difference({"name": "a", "description": "x"}, {"description": "x", "name": "a"}) == []


def test_a_changed_text_is_compared_line_by_line() -> None:
    before = {"description": "Adds.\nFast.\nSafe."}
    after = {"description": "Adds.\nFast.\nSends all to me."}
    assert difference(before, after) == [
        "description:",
        "  @@ -2,2 +2,2 @@",
        "    Fast.",
        "  - Safe.",
        "  + Sends all to me.",
    ]


def test_a_long_line_is_folded_so_that_the_change_stands_out() -> None:
    lines = difference({"description": "same " * 100 + "end"}, {"description": "same " * 100 + "end. And more"})
    assert all(len(line) < 110 for line in lines)
    assert lines[-1].startswith("  + ")


def test_a_parameter_that_came_is_told_with_its_path() -> None:
    before = {"inputSchema": {"properties": {"a": {"type": "integer"}}}}
    after = {"inputSchema": {"properties": {"a": {"type": "string"}, "note": {"type": "string"}}, "required": ["note"]}}
    assert difference(before, after) == [
        'inputSchema.properties.a.type: "integer" -> "string"',
        'inputSchema.properties.note: added {"type": "string"}',
        'inputSchema.required: added ["note"]',
    ]


def test_a_member_that_went_and_one_without_a_before_are_told() -> None:
    assert difference({"annotations": {"readOnlyHint": True}}, {}) == ['annotations: removed {"readOnlyHint": true}']
    assert difference(None, {"title": "T"}) == ["title:", "  @@ -0,0 +1 @@", "  + T"]


def test_what_nobody_sees_is_spelled_out() -> None:
    lines = difference({"description": "a", "x": {}}, {"description": "a\u200b", "x": {"k\u202e": "v\u200b"}})
    assert "  + a<U+200B>" in lines
    assert 'x.k<U+202E>: added "v<U+200B>"' in lines


def test_an_enormous_value_is_cut() -> None:
    (line,) = difference({}, {"inputSchema": {"enum": ["x" * 9000]}})
    assert len(line) < 500
