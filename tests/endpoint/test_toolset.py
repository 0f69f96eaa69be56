"""The merged toolset."""

from __future__ import annotations

import json

from gateway.endpoint.toolset import ServerTools, build_toolset
from gateway.model import ServerName, ToolName, ToolRef
from tests.endpoint.fakes import tool

A, B = ServerName("a"), ServerName("b")


def test_tools_stand_in_the_order_of_servers_and_their_own_lists() -> None:
    servers = {B: ServerTools(tools=(tool("b", "z"), tool("b", "y"))), A: ServerTools(tools=(tool("a", "x"),))}
    assert list(build_toolset(servers).entries) == ["a__x", "b__z", "b__y"]


def test_the_version_depends_on_content_alone() -> None:
    one = build_toolset({A: ServerTools(tools=(tool("a", "x"),)), B: ServerTools(tools=(tool("b", "y"),))})
    two = build_toolset({B: ServerTools(tools=(tool("b", "y"),)), A: ServerTools(tools=(tool("a", "x"),))})
    assert one.version == two.version


def test_a_changed_description_is_another_version() -> None:
    one = build_toolset({A: ServerTools(tools=(tool("a", "x"),))})
    two = build_toolset({A: ServerTools(tools=(tool("a", "x", description="other"),))})
    assert one.version != two.version


def test_a_tool_that_is_listed_twice_counts_once() -> None:
    toolset = build_toolset({A: ServerTools(tools=(tool("a", "x", description="1"), tool("a", "x", description="2")))})
    assert [json.loads(e.definition)["description"] for e in toolset.entries.values()] == ["1"]


def test_a_quarantined_tool_is_not_offered_but_keeps_its_name() -> None:
    toolset = build_toolset({A: ServerTools(tools=(tool("a", "x"),), quarantined=(ToolName("x"), ToolName("gone")))})
    assert not toolset.entries
    assert dict(toolset.quarantined) == {"a__x": ToolRef(A, ToolName("x")), "a__gone": ToolRef(A, ToolName("gone"))}


def test_a_definition_that_would_spoil_the_list_is_left_out_with_a_reason() -> None:
    toolset = build_toolset({A: ServerTools(tools=(tool("a", "bad", annotations=7), tool("a", "good")))})
    assert list(toolset.entries) == ["a__good"]
    assert list(toolset.left_out.values()) == ["annotations is not an object"]


def test_exposed_names_lead_back_to_their_tools() -> None:
    refs = [tool("a", "read/file"), tool("a", "read_file"), tool("a", "t" * 80)]
    toolset = build_toolset({A: ServerTools(tools=tuple(refs))})
    assert {entry.tool.ref for entry in toolset.entries.values()} == {each.ref for each in refs}


def test_the_policy_gets_a_card_per_tool() -> None:
    toolset = build_toolset({A: ServerTools(description="the a server", tools=(tool("a", "x"),))})
    card = toolset.cards()[0]
    assert (card.id, card.name, card.server, card.server_description) == ("a__x", "x", "a", "the a server")
