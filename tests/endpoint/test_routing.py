"""From exposed names to what answers."""

from __future__ import annotations

import pytest

from gateway.endpoint.routing import RESEND_WORDS, is_quiet, nearest_names, route
from gateway.endpoint.toolset import Entry, ServerTools, Toolset, build_toolset
from gateway.errors import ToolQuarantined, UnknownTool
from gateway.model import ServerName, ToolName
from tests.endpoint.fakes import tool


@pytest.fixture
def toolset() -> Toolset:
    git = ServerTools(
        tools=(tool("git", "git_status"), tool("git", "check_connection")), quarantined=(ToolName("odd"),)
    )
    return build_toolset({ServerName("git"): git})


def test_an_exposed_name_leads_to_its_entry(toolset: Toolset) -> None:
    target = route(toolset, toolset.entries, [], "git__git_status")
    assert isinstance(target, Entry)
    assert target.tool.ref.tool == "git_status"


def test_a_name_of_ours_leads_to_itself(toolset: Toolset) -> None:
    assert route(toolset, toolset.entries, ["gateway__find_tools"], "gateway__find_tools") == "gateway__find_tools"


def test_a_tool_that_the_profile_does_not_show_is_unknown(toolset: Toolset) -> None:
    with pytest.raises(UnknownTool):
        route(toolset, [], [], "git__git_status")


def test_a_quarantined_tool_is_named_as_such(toolset: Toolset) -> None:
    with pytest.raises(ToolQuarantined, match="odd"):
        route(toolset, toolset.entries, [], "git__odd")


@pytest.mark.parametrize("asked", ["git_status", "git__git_statos", "git__git_status "])
def test_the_nearest_names_are_told(toolset: Toolset, asked: str) -> None:
    with pytest.raises(UnknownTool) as caught:
        route(toolset, toolset.entries, [], asked)
    assert caught.value.nearest[0] == "git__git_status"


def test_no_name_with_a_word_on_which_massgen_sends_again_is_told(toolset: Toolset) -> None:
    assert nearest_names(toolset, toolset.entries, "check_connection") == []


@pytest.mark.parametrize("word", RESEND_WORDS)
def test_words_of_massgen_are_heard_in_any_case(word: str) -> None:
    assert not is_quiet(f"a {word.upper()} b")
