"""Walking tools/list."""

from __future__ import annotations

import pytest

from gateway.errors import RemoteProtocolError
from gateway.model import ServerName
from gateway.supervisor.talking.listing_tools import MAX_PAGES, list_tools
from tests.supervisor.scripted import ScriptedConnection

NAME = ServerName("s")


def page(*names: str, cursor: str | None = None) -> dict[str, object]:
    return {"tools": [{"name": n, "inputSchema": {}} for n in names], **({"nextCursor": cursor} if cursor else {})}


async def test_pages_are_walked_with_their_cursors() -> None:
    connection = ScriptedConnection(**{"tools/list": [page("a", cursor="x"), page("b", cursor="y"), page("c")]})
    listed = await list_tools(NAME, connection)
    assert [tool.ref.tool for tool in listed.tools] == ["a", "b", "c"]
    assert connection.asked == [("tools/list", {}), ("tools/list", {"cursor": "x"}), ("tools/list", {"cursor": "y"})]


async def test_a_repeated_cursor_ends_the_walk() -> None:
    connection = ScriptedConnection(**{"tools/list": [page("a", cursor="x")]})
    assert len((await list_tools(NAME, connection)).tools) == 1
    assert len(connection.asked) == 2


async def test_endless_pages_come_to_an_end() -> None:
    endless = [page(f"t{n}", cursor=str(n)) for n in range(MAX_PAGES + 10)]
    connection = ScriptedConnection(**{"tools/list": endless})
    assert len((await list_tools(NAME, connection)).tools) == MAX_PAGES


async def test_a_name_given_twice_counts_once_and_as_skipped() -> None:
    listed = await list_tools(NAME, ScriptedConnection(**{"tools/list": [page("a", "a", "b")]}))
    assert ([tool.ref.tool for tool in listed.tools], listed.skipped) == (["a", "b"], 1)


async def test_an_answer_that_is_no_list_is_a_protocol_error() -> None:
    with pytest.raises(RemoteProtocolError):
        await list_tools(NAME, ScriptedConnection(**{"tools/list": [{"things": []}]}))
