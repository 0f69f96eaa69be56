"""Real servers that misbehave under a real supervisor."""

from __future__ import annotations

import os
import signal
import time

import anyio
import msgspec
import psutil
import pytest

from gateway.errors import (
    AnswerTooLarge,
    ChildGone,
    RemoteProtocolError,
    RpcError,
    ServerNotReady,
)
from gateway.model import HealthPolicy, RestartPolicy, ServerName, StdioLaunch
from tests.supervisor.running import PATIENCE_S, call, row, spec, supervised

pytestmark = pytest.mark.process

SLOWEST_S = 5.0  # far above what is promised (0.5 s), far below any deadline: this machine may be loaded


async def test_list_changed_before_the_first_list_does_no_harm() -> None:
    async with supervised(spec("a", "echo.py", "--list-changed-early")) as (_, heard):
        await heard.until(lambda: len(heard.lists("a")) == 2)
        assert heard.lists("a")[0].tools == heard.lists("a")[1].tools


async def test_a_server_that_dies_at_discovery_is_initialized_the_next_time() -> None:
    async with supervised(spec("a", "echo.py", "--first-initialize")) as (supervisor, heard):
        await heard.state("a", "ready")
        assert row(supervisor, "a")["restarts"] == 1


async def test_a_server_that_is_silent_at_discovery_is_initialized() -> None:
    async with supervised(spec("a", "hang.py", "--at", "discover")) as (supervisor, heard):
        await heard.state("a", "ready")
        assert await call(supervisor, "a", "echo", text="x") == "x"


async def test_one_that_lives_on_behind_a_closed_stdout_is_shown_stopping_and_why() -> None:
    quick = HealthPolicy(stop_timeout_sec=1.0)
    async with supervised(spec("a", "deaf.py", health=quick)) as (supervisor, heard):
        await heard.state("a", "ready")
        with pytest.raises(ChildGone):
            await call(supervisor, "a", "close_stdout")
        assert (await heard.state("a", "stopping")).reason == "it stopped talking"
        assert "closed its stdout" in (await heard.state("a", "backoff")).reason
        await heard.state("a", "ready", times=2)


async def test_killed_in_mid_call_the_caller_hears_at_once_and_the_child_comes_back() -> None:
    async with supervised(spec("a", "hang.py")) as (supervisor, heard):
        await heard.state("a", "ready")
        first = row(supervisor, "a")["pid"]
        heard_after: list[float] = []

        async def wait_for_the_end() -> None:
            with pytest.raises(ChildGone, match="SIGKILL"):
                await call(supervisor, "a", "silent")
            heard_after.append(time.monotonic() - killed)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait_for_the_end)
            await call(supervisor, "a", "echo", text="the call is under way")
            killed = time.monotonic()
            os.kill(first, signal.SIGKILL)
        assert heard_after[0] < SLOWEST_S
        await heard.state("a", "ready", times=2)
        after = row(supervisor, "a")
        assert after["pid"] != first
        assert (after["last_exit"]["signal"], after["restarts"]) == ("SIGKILL", 1)
        assert heard.exits("a")[0].reason == "killed by SIGKILL"
        assert heard.states("a")["backoff"][0].reason == "killed by SIGKILL"


async def test_killed_while_idle_with_a_grandchild_that_holds_stdout() -> None:
    async with supervised(spec("a", "crasher.py", "--at", "never", "--grandchild")) as (supervisor, heard):
        grandchild = psutil.Process(int(await call(supervisor, "a", "grandchild")))
        os.kill(row(supervisor, "a")["pid"], signal.SIGKILL)
        await heard.state("a", "ready", times=2)
        _, alive = psutil.wait_procs([grandchild], timeout=5)
        assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []


async def test_a_stopped_process_and_a_large_argument_end_in_gone_and_a_restart() -> None:
    health = HealthPolicy(interval_sec=0.1, timeout_sec=0.1, stop_timeout_sec=0.2)
    async with supervised(spec("a", health=health)) as (supervisor, heard):
        await heard.state("a", "ready")
        os.kill(row(supervisor, "a")["pid"], signal.SIGSTOP)
        with pytest.raises(ChildGone), anyio.fail_after(PATIENCE_S):
            await call(supervisor, "a", "echo", text="x" * 3_000_000)
        await heard.state("a", "ready", times=2)


async def test_a_hang_is_seen_by_the_probes_and_ends_in_a_restart() -> None:
    health = HealthPolicy(interval_sec=0.05, timeout_sec=0.1, failures=3, stop_timeout_sec=0.2)
    async with supervised(spec("a", "hang.py", "--at", "ping", health=health)) as (_, heard):
        stopping = await heard.state("a", "stopping")
        assert "3 of 3 failed probes" in stopping.reason
        backoff = await heard.state("a", "backoff")
        assert "no answer to ping" in backoff.reason


async def test_progress_counts_as_life() -> None:
    health = HealthPolicy(interval_sec=0.2, timeout_sec=0.05, failures=1, stop_timeout_sec=0.2)
    async with supervised(spec("a", "slow.py", health=health)) as (supervisor, heard):
        assert await call(supervisor, "a", "sleep", seconds=1, progress_every=0.05) == "slept"
        assert "stopping" not in heard.states("a")


async def test_noise_of_every_kind_is_survived_and_counted() -> None:
    async with supervised(spec("a", "chatter.py")) as (supervisor, _):
        assert await call(supervisor, "a", "noisy", text="through") == "through"
        assert await call(supervisor, "a", "broken_text") == "caf\ufffd"
        assert await call(supervisor, "a", "twice") == "first"
        assert row(supervisor, "a")["noise"] >= 9
        logs = supervisor.logs(ServerName("a"))
        assert "[stdout] *** Welcome to CHATTER v1 ***" in logs
        assert "chatter: this goes to stderr" in logs
        with pytest.raises(RemoteProtocolError):
            await call(supervisor, "a", "malformed")


async def test_an_overlong_answer_fails_its_call_and_the_next_one_works() -> None:
    async with supervised(spec("a", "bloat.py")) as (supervisor, _):
        with pytest.raises(AnswerTooLarge):
            await call(supervisor, "a", "big", size=17 * 1024 * 1024)
        assert await call(supervisor, "a", "big_noise", size=17 * 1024 * 1024) == "after the noise"
        assert len(await call(supervisor, "a", "big", size=1_000_000)) == 1_000_000


async def test_a_crash_loop_ends_in_failed_with_its_reason_and_harms_nobody_else() -> None:
    crash = spec("bad", "crasher.py", "--at", "start")
    async with supervised(crash, spec("good")) as (supervisor, heard):
        failed = await heard.state("bad", "failed")
        assert "5 times within 300 s" in failed.reason
        assert "status 3" in failed.reason
        assert len(heard.exits("bad")) == 5
        assert await call(supervisor, "good", "echo", text="fine") == "fine"
        bad = row(supervisor, "bad")
        assert 590 < bad["next_retry_s"] <= 600
        assert "crasher: about to begin" in bad["stderr_tail"]
        with pytest.raises(ServerNotReady) as caught:
            await call(supervisor, "bad", "crash")
        assert caught.value.state == "failed"
        assert caught.value.retry_after_s is not None


async def test_a_missing_program_fails_at_once_with_the_fix() -> None:
    missing = msgspec.structs.replace(spec("a"), launch=StdioLaunch(("no-such-program-here",)))
    async with supervised(missing) as (_, heard):
        failed = await heard.state("a", "failed")
        assert "no-such-program-here is not installed" in failed.reason
        assert "Install no-such-program-here" in failed.reason


async def test_a_missing_secret_fails_at_once_with_the_command_that_sets_it() -> None:
    async with supervised(spec("a", env={"KEY": "${secret:API_KEY}"})) as (_, heard):
        failed = await heard.state("a", "failed")
        assert "mcp-gateway secret set a API_KEY" in failed.reason


async def test_a_liar_yields_what_is_usable() -> None:
    async with supervised(spec("a", "liar.py")) as (supervisor, heard):
        await heard.state("a", "ready")
        assert [tool.ref.tool for tool in heard.lists("a")[0].tools] == ["honest"]
        assert row(supervisor, "a")["skipped_tools"] > 0
        with pytest.raises(RpcError, match="malformed error"):
            await call(supervisor, "a", "odd_error")
        upstream = await supervisor.acquire(ServerName("a"))
        assert await upstream.request("tools/call", b'{"name":"text_id"}') == b'{"content":[]}'


async def test_restart_no_leaves_a_dead_server_dead() -> None:
    once = spec("a", "crasher.py", "--at", "start", restart=RestartPolicy(restart="no"))
    async with supervised(once) as (supervisor, heard):
        await heard.state("a", "failed")
        assert row(supervisor, "a")["next_retry_s"] is None


async def test_a_start_that_takes_too_long_is_ended() -> None:
    health = HealthPolicy(start_timeout_sec=0.3, stop_timeout_sec=0.1)
    async with supervised(spec("a", "hang.py", "--at", "start", health=health)) as (_, heard):
        backoff = await heard.state("a", "backoff")
        assert "not ready within 0.3 s" in backoff.reason


async def test_a_server_that_cannot_list_its_tools_stays_and_is_degraded() -> None:
    health = HealthPolicy(start_timeout_sec=0.5, stop_timeout_sec=0.1)
    async with supervised(spec("a", "hang.py", "--at", "list", health=health)) as (supervisor, heard):
        ready = await heard.state("a", "ready")
        assert ready.health == "degraded"
        assert "cannot be listed" in ready.reason
        assert await call(supervisor, "a", "echo", text="x") == "x"
