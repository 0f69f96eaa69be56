"""Calls as use of a child."""

from __future__ import annotations

import anyio
import pytest

from gateway.errors import RpcError
from gateway.supervisor.warmth.naps import Nap
from gateway.supervisor.warmth.using import UsedUpstream, in_use
from tests.fakes import FakeClock
from tests.supervisor.scripted import ScriptedConnection
from tests.supervisor.test_child import living


async def test_a_call_is_use_from_its_beginning_to_its_end() -> None:
    clock, nap = FakeClock(now=5.0), Nap(last=0.0)
    async with living(ScriptedConnection(slow=[])) as world:
        upstream = UsedUpstream(await world.child.upstream(), nap, clock)
        assert upstream.server == "s"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(upstream.request, "slow", b"{}")
            await anyio.wait_all_tasks_blocked()
            assert (nap.users, nap.last) == (1, 0.0)
            clock.advance(100.0)
            tasks.cancel_scope.cancel()
        assert (nap.users, nap.last) == (0, 105.0)


async def test_results_and_errors_pass_through_it() -> None:
    nap = Nap(last=0.0)
    async with living(ScriptedConnection(bad=[RpcError(-1, "no")])) as world:
        upstream = UsedUpstream(await world.child.upstream(), nap, FakeClock())
        assert await upstream.request("ping", b"{}") == b"{}"
        with pytest.raises(RpcError):
            await upstream.request("bad", b"{}")
    assert nap.users == 0


def test_users_are_counted() -> None:
    nap, clock = Nap(last=0.0), FakeClock(now=7.0)
    with in_use(nap, clock):
        with in_use(nap, clock):
            assert nap.users == 2
        assert (nap.users, nap.last) == (1, 7.0)
    assert nap.users == 0
