"""A process and a peer as one conversation, with shrunk deadlines."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from gateway.errors import AnswerTooLarge, ChildGone, HandshakeFailed, SpawnFailed
from gateway.model import ServerName, StdioLaunch
from gateway.supervisor.processes.ring import LineRing
from gateway.supervisor.talking.stdio import StdioConnection
from tests.supervisor.running import PATIENCE_S, SERVERS

pytestmark = pytest.mark.process
ECHO = b'{"name":"echo","arguments":{"text":"x"}}'


def make(script: str, *arguments: str, env: dict[str, str] | None = None, **more: Any) -> StdioConnection:
    return StdioConnection(
        ServerName("s"),
        StdioLaunch((sys.executable, str(SERVERS / script), *arguments), env=env or {}),
        {},
        version="1",
        on_told=lambda *_: None,
        stderr=LineRing(),
        start_timeout_s=PATIENCE_S,
        **more,
    )


@asynccontextmanager
async def opened(connection: StdioConnection) -> AsyncIterator[StdioConnection]:
    try:
        with anyio.fail_after(PATIENCE_S):
            await connection.open()
            yield connection
    finally:
        with anyio.CancelScope(shield=True):
            await connection.close(grace_s=0.2)


async def test_a_stopped_process_and_three_megabytes_end_at_the_write_deadline() -> None:
    async with opened(make("echo.py", write_deadline_s=0.3)) as connection:
        assert connection.pid is not None
        os.kill(connection.pid, signal.SIGSTOP)
        with pytest.raises(ChildGone, match="does not read its stdin"):
            await connection.ask("tools/call", b'{"name":"echo","x":"%s"}' % (b"x" * 3_000_000), timeout_s=60)


@pytest.mark.parametrize(
    ("tool", "reason"), [("close_stdout", "closed its stdout"), ("close_stdin", "closed its stdin")]
)
async def test_a_server_that_closes_one_pipe_is_gone(tool: str, reason: str) -> None:
    async with opened(make("deaf.py")) as connection:
        if tool == "close_stdin":
            with anyio.move_on_after(0.3):
                await connection.ask("tools/call", b'{"name":"close_stdin"}', timeout_s=60)
        with pytest.raises(ChildGone, match=reason):
            await connection.ask("tools/call", b'{"name":"%s"}' % tool.encode(), timeout_s=60)
        assert connection.gone.is_set()
        gone = await connection.close(grace_s=0.2)
        assert reason in gone.reason
        assert gone.signal == "SIGKILL"


async def test_the_line_cap_fails_the_call_that_broke_it() -> None:
    async with opened(make("bloat.py", line_cap=10_000)) as connection:
        with pytest.raises(AnswerTooLarge):
            await connection.ask("tools/call", b'{"name":"big","arguments":{"size":20000}}', timeout_s=60)
        assert b"xxx" in await connection.ask("tools/call", b'{"name":"big"}', timeout_s=60)
        assert connection.noise == 1


async def test_a_slow_server_that_misses_the_probe_is_still_met() -> None:
    async with opened(make("slow.py", "--start", "0.5", probe_timeout_s=0.1)) as connection:
        assert b"tools" in await connection.ask("tools/list", b"{}", timeout_s=60)


async def test_a_slow_modern_server_is_met_in_its_era() -> None:
    connection = make("echo.py", "--modern", probe_timeout_s=0.001)
    async with opened(connection):
        # Test servers speak both eras; what matters here is that the late answer to the probe does no harm.
        assert b"x" in await connection.ask("tools/call", ECHO, timeout_s=60)


async def test_dying_in_the_handshake_tells_the_last_words() -> None:
    connection = make("crasher.py", "--at", "initialize")
    with pytest.raises((ChildGone, HandshakeFailed)) as caught:
        await connection.open()
    assert isinstance(caught.value, ChildGone)
    assert "crasher: about to begin" in caught.value.stderr_tail
    assert (await connection.close(grace_s=0.2)).code == 3


async def test_a_missing_secret_is_told_before_anything_starts() -> None:
    connection = make("echo.py", env={"A": "${secret:KEY}"})
    with pytest.raises(SpawnFailed) as caught:
        await connection.open()
    assert caught.value.fix == "mcp-gateway secret set s KEY"
    assert connection.pid is None
    assert (await connection.close(grace_s=0.2)).reason == "it was not started"


async def test_a_servers_own_request_is_refused_and_its_call_goes_on() -> None:
    async with opened(make("echo.py")) as connection:
        result = await connection.ask("tools/call", b'{"name":"ask_back"}', timeout_s=60)
        assert b"-32601" in result


async def test_asking_one_that_is_gone_says_so() -> None:
    connection = make("echo.py")
    async with opened(connection):
        pass
    with pytest.raises(ChildGone, match="exited with status 0"):
        await connection.ask("ping", b"{}", timeout_s=1)
