"""Exposed names: safe, stable, free of collisions."""

from __future__ import annotations

import hashlib
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.endpoint.naming import MAX_LENGTH, RESERVED, exposed_names
from gateway.model import ServerName, ToolName, ToolRef


def ref(server: str, tool: str) -> ToolRef:
    return ToolRef(ServerName(server), ToolName(tool))


def name_of(server: str, tool: str, prefix: str | None = None) -> str:
    prefixes = {} if prefix is None else {ServerName(server): prefix}
    return exposed_names([ref(server, tool)], prefixes)[ref(server, tool)]


def digest(server: str, tool: str) -> str:
    return hashlib.sha256(f"{server}\0{tool}".encode()).hexdigest()[:6]


def test_an_ordinary_tool_is_prefixed_by_its_server() -> None:
    assert name_of("github", "create_issue") == "github__create_issue"


def test_without_prefix_the_tool_keeps_its_name() -> None:
    assert name_of("github", "create_issue", "") == "create_issue"


def test_a_name_of_fifty_characters_stays_and_one_more_is_cut() -> None:
    assert name_of("s", "t" * 47) == "s__" + "t" * 47
    assert name_of("s", "t" * 48) == ("s__" + "t" * 40) + "_" + digest("s", "t" * 48)


@pytest.mark.parametrize(
    ("tool", "stem"),
    [("read/file", "s__read_file"), ("a b:c", "s__a_b_c"), ("dot.name", "s__dot_name"), ("_x_", "s___x")],
)
def test_unsafe_characters_are_replaced_and_marked_by_a_digest(tool: str, stem: str) -> None:
    assert name_of("s", tool) == f"{stem}_{digest('s', tool)}"


@pytest.mark.parametrize("reserved", ["status", "Health", "LIST", "quit", "ping"])
def test_a_name_that_massgen_reserves_gets_a_digest(reserved: str) -> None:
    assert name_of("s", reserved, "") == f"{reserved}_{digest('s', reserved)}"


@pytest.mark.parametrize(("tool", "prefix"), [("mcp__x__y", ""), ("x", "mcp"), ("mcp____x", ""), ("MCP__x", "")])
def test_no_name_begins_with_mcp_and_two_underscores(tool: str, prefix: str) -> None:
    name = name_of("s", tool, prefix)
    assert not name.lower().startswith("mcp__")
    assert name.endswith(digest("s", tool))


@pytest.mark.parametrize("tool", ["___", "", "日本語", "--"])
def test_a_name_of_which_nothing_is_left_is_still_a_name(tool: str) -> None:
    assert name_of("s", tool, "") == f"tool_{digest('s', tool)}"


def test_both_parties_of_a_collision_get_a_digest() -> None:
    one, two = ref("a", "b__c"), ref("a2", "c")
    names = exposed_names([one, two], {ServerName("a2"): "a__b"})
    assert names == {one: f"a__b__c_{digest('a', 'b__c')}", two: f"a__b__c_{digest('a2', 'c')}"}


def test_a_tool_that_is_called_like_one_of_ours_gets_a_digest() -> None:
    mine = ref("s", "gateway__find_tools")
    names = exposed_names([mine], {ServerName("s"): ""}, taken=["gateway__find_tools"])
    assert names[mine] == f"gateway__find_tools_{digest('s', 'gateway__find_tools')}"


def test_a_tool_named_like_anothers_digest_form_makes_way() -> None:
    long = ref("s", "t" * 60)
    forged = ref("x", ("s__" + "t" * 40) + "_" + digest("s", "t" * 60))
    names = exposed_names([long, forged], {ServerName("x"): ""})
    assert names[long] == forged.tool
    assert names[forged] != names[long]


servers = st.sampled_from(["a", "b", "a-b", "mcp", "gw"])
tools = st.text(alphabet=st.sampled_from("abAB_-./ é:12"), max_size=60) | st.sampled_from(["status", "mcp__x", "a__b"])
prefixes = st.dictionaries(servers.map(ServerName), st.sampled_from(["", "a", "a__b", "mcp", "gateway"]))


@given(st.sets(st.builds(ref, servers, tools), max_size=30), prefixes, st.randoms(use_true_random=False))
def test_names_never_collide_and_do_not_depend_on_the_order(
    refs: set[ToolRef], given_prefixes: dict[ServerName, str], rng: random.Random
) -> None:
    taken = ["gateway__find_tools"]
    names = exposed_names(sorted(refs, key=str), given_prefixes, taken)
    shuffled = sorted(refs, key=str)
    rng.shuffle(shuffled)
    assert exposed_names(shuffled, given_prefixes, taken) == names
    assert len(set(names.values())) == len(refs)
    for name in names.values():
        assert re.fullmatch(r"[A-Za-z0-9-][A-Za-z0-9_-]*", name)
        assert 0 < len(name) <= MAX_LENGTH
        assert name[0] not in "_-"
        assert name[-1] not in "_-"
        assert name.lower() not in RESERVED
        assert not name.lower().startswith("mcp__")
        assert name not in taken
