"""A process and a peer as one conversation, with shrunk deadlines."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

from gateway.errors import AnswerTooLarge, CallTimeout, ChildGone, HandshakeFailed, SpawnFailed
from gateway.model import ServerName, StdioLaunch
from gateway.supervisor.processes.orders import Prepared
from gateway.supervisor.processes.ring import LineRing
from gateway.supervisor.talking.stdio import StdioConnection
from tests.supervisor.running import PATIENCE_S, SERVERS

pytestmark = pytest.mark.process
TELLS_WHERE = "import os, sys; print(os.environ['MINE'], os.environ['HOME'], os.getcwd(), file=sys.stderr)"
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


async def test_the_late_answer_to_the_probe_is_not_counted_as_that_of_a_call() -> None:
    async with opened(make("slow.py", "--start", "0.5", probe_timeout_s=0.1)) as connection:
        told: list[int] = []
        connection.on_late = lambda: told.append(connection.late)
        heard = connection.heard
        await connection.ask("tools/list", b"{}", timeout_s=60)
        assert connection._unwanted == {"1"}
        assert connection.heard > heard
        assert (connection.late, told) == (0, [])


async def test_a_call_that_is_not_answered_in_time_says_the_time_it_had_and_not_the_one_it_took() -> None:
    async with opened(make("hang.py")) as connection:
        with pytest.raises(CallTimeout, match=r"within 0\.25 s$") as caught:
            await connection.ask("tools/call", b'{"name":"hang"}', timeout_s=0.25)
        assert caught.value.after_s >= 0.25


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
    assert caught.value.fix == "mcp-gateway secret set s KEY=-"
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


async def test_a_preparation_may_add_variables_and_choose_the_working_directory(tmp_path: Path) -> None:
    async def prepare(argv: Sequence[str], env: Mapping[str, str], cwd: str | None) -> Prepared:
        assert (env["MINE"], cwd) == ("kept", None)
        return Prepared(tuple(argv), env={"HOME": "/own"}, cwd=str(tmp_path))

    launch = StdioLaunch((sys.executable, "-c", TELLS_WHERE), {"MINE": "kept", "HOME": "/ours"})
    stderr = LineRing()
    connection = StdioConnection(
        ServerName("a"),
        launch,
        {},
        version="1",
        on_told=lambda *_: None,
        stderr=stderr,
        start_timeout_s=20,
        prepare=prepare,
    )
    with pytest.raises(ChildGone):
        await connection.open()
    await connection.close(grace_s=1)
    assert stderr.tail(1) == [f"kept /own {tmp_path}"]


async def test_what_left_the_servers_group_is_gone_when_the_server_is_closed() -> None:
    async with opened(make("crasher.py", "--at", "never", "--setsid")) as connection:
        told = await connection.ask("tools/call", b'{"name":"grandchild","arguments":{}}', timeout_s=60)
        left = psutil.Process(int(json.loads(told)["content"][0]["text"]))
        await connection.close(grace_s=2.0)
        _, alive = psutil.wait_procs([left], timeout=10)
        assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []


async def test_one_that_asks_and_does_not_read_the_answers_is_not_listened_to_and_costs_no_memory() -> None:
    before = psutil.Process().memory_info().rss
    async with opened(make("asker.py", write_deadline_s=2)) as connection:
        with pytest.raises(ChildGone, match="does not read its stdin"):
            await connection.ask("tools/call", b'{"name":"ask","arguments":{}}', timeout_s=PATIENCE_S)
        assert connection._process is not None
        assert connection.heard < 8000  # of a quarter of a million
    assert psutil.Process().memory_info().rss - before < 16 * 2**20
