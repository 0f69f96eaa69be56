"""The endpoint as clients of both eras see it, in one process."""

from __future__ import annotations

from tests.endpoint.fakes import LegacyClient, ModernClient, echo_world


async def test_a_legacy_client_shakes_hands_lists_and_calls() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        assert "demo__echo" in await client.names()
        answer = await client.call("demo__echo", {"text": "hi"})
        assert answer["result"]["content"] == [{"type": "text", "text": "hello"}]


async def test_a_modern_client_lists_and_calls_without_shaking_hands() -> None:
    async with echo_world().running() as world:
        client = ModernClient(world)
        listed = await client.listing()
        assert "demo__echo" in [each["name"] for each in listed["tools"]]
        assert listed["resultType"] == "complete"
        assert listed["cacheScope"] == "private"
        assert (await client.call("demo__echo"))["result"]["content"] == [{"type": "text", "text": "hello"}]
