"""Real servers whose lives end in many ways under a real supervisor: who is told what, and in which order."""

from __future__ import annotations

import os
import signal

import anyio
import msgspec
import psutil
import pytest

from gateway.errors import ChildGone
from gateway.model import CallPolicy, HealthPolicy, ResourceLimits, RestartPolicy, ServerName
from gateway.supervisor.causes import Cause
from tests.supervisor.running import PATIENCE_S, call, row, spec, supervised

pytestmark = pytest.mark.process

CALLERS = 100
GROWTH = 64 * 1024 * 1024
LATER = RestartPolicy(restart_sec=600, restart_max_delay_sec=600)


@pytest.mark.parametrize("holder", ["--grandchild", "--setsid"])
async def test_a_hundred_callers_hear_of_a_kill_before_the_state_moves(holder: str) -> None:
    """With a grandchild that holds stdout: the end of the stream may never come."""
    wanted = spec("a", "crasher.py", "--at", "never", holder, restart=LATER, call=CallPolicy(max_in_flight=CALLERS))
    async with supervised(wanted) as (supervisor, heard):
        await heard.state("a", "ready")
        left_behind = psutil.Process(int(await call(supervisor, "a", "grandchild")))
        pid = row(supervisor, "a")["pid"]
        os.kill(pid, signal.SIGSTOP)
        told: list[tuple[str, str]] = []

        async def ask() -> None:
            with pytest.raises(ChildGone) as caught:
                await call(supervisor, "a", "pid")
            told.append((caught.value.reason, row(supervisor, "a")["state"]))

        async with anyio.create_task_group() as tasks:
            for _ in range(CALLERS):
                tasks.start_soon(ask)
            with anyio.fail_after(PATIENCE_S):
                while row(supervisor, "a")["in_flight"] < CALLERS:
                    await anyio.lowlevel.checkpoint()
            os.kill(pid, signal.SIGKILL)
        assert told == [("killed by SIGKILL", "ready")] * CALLERS
        await heard.state("a", "backoff")
        left_behind.kill()


@pytest.mark.parametrize("line", ["words", "json"])
async def test_a_torrent_of_nonsense_is_cut_off_at_once_and_put_aside(line: str) -> None:
    wanted = spec("a", "torrent.py", "--line", line)
    before = psutil.Process().memory_info().rss
    async with supervised(wanted, spec("good")) as (supervisor, heard):
        await heard.state("a", "ready")
        with pytest.raises(ChildGone, match="more than 100 lines within a minute"):
            await call(supervisor, "a", "pour")
        failed = await heard.state("a", "failed")
        assert failed.reason.startswith("put aside: ")
        assert await call(supervisor, "good", "echo", text="fine") == "fine"
        after = row(supervisor, "a")
        assert after["noise"] == 101  # not one line of the flood was read beyond the limit
        assert (after["last_exit"]["cause"], after["last_exit"]["signal"]) == ("noise", "SIGKILL")
        assert 590 < after["next_retry_s"] <= 600
        await supervisor.start(ServerName("a"))
        await heard.state("a", "ready", times=2)
    assert psutil.Process().memory_info().rss - before < GROWTH


async def test_a_torrent_before_the_handshake_is_put_aside_as_well() -> None:
    async with supervised(spec("a", "torrent.py", "--at", "start")) as (supervisor, heard):
        failed = await heard.state("a", "failed")
        assert failed.reason.startswith("put aside: ")
        assert heard.exits("a")[0].cause == "noise"
        assert row(supervisor, "a")["restarts"] == 0


async def test_a_banner_and_some_stray_prints_are_borne() -> None:
    async with supervised(spec("a", "chatter.py")) as (supervisor, heard):
        for _ in range(5):
            assert await call(supervisor, "a", "noisy", text="through") == "through"
        assert 0 < row(supervisor, "a")["noise"] < 100
        assert "stopping" not in heard.states("a")


async def test_without_a_limit_a_torrent_is_borne_and_others_have_their_turn() -> None:
    boundless = HealthPolicy(noise_limit=0, stop_timeout_sec=0.5)
    async with supervised(spec("a", "torrent.py", health=boundless), spec("good")) as (supervisor, heard):
        await heard.state("a", "ready")
        await heard.state("good", "ready")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call, supervisor, "a", "pour")
            with anyio.fail_after(PATIENCE_S):
                while row(supervisor, "a")["noise"] < 10_000:
                    assert await call(supervisor, "good", "echo", text="my turn") == "my turn"
            tasks.cancel_scope.cancel()
        assert row(supervisor, "a")["state"] == "ready"


async def test_ending_a_real_one_at_once_takes_its_grandchildren_along() -> None:
    wanted = spec("a", "crasher.py", "--at", "never", "--setsid")
    async with supervised(wanted) as (supervisor, heard):
        await heard.state("a", "ready")
        grandchild = psutil.Process(int(await call(supervisor, "a", "grandchild")))
        child = supervisor._children.get(ServerName("a"))
        assert child is not None
        child.end(Cause.OOM, "oom: its memory reached 70 MiB, MemoryMax is 64 MiB", at_once=True)
        await heard.state("a", "ready", times=2)
        _, alive = psutil.wait_procs([grandchild], timeout=PATIENCE_S)
        assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
        (exit_,) = heard.exits("a")
        assert exit_.reason == "oom: its memory reached 70 MiB, MemoryMax is 64 MiB; killed by SIGKILL"
        assert (exit_.cause, exit_.signal, exit_.was_wanted) == ("oom", "SIGKILL", True)
        made = row(supervisor, "a")
        assert (made["restarts"], made["restart_causes"]) == (1, {"oom": 1})
        assert made["exits"] == [made["last_exit"]]


@pytest.mark.parametrize(
    ("script", "tool", "cause"),
    [("crasher.py", "crash", "exit"), ("crasher.py", "killed", "signal"), ("deaf.py", "close_stdout", "silent")],
)
async def test_each_way_to_die_has_its_cause(script: str, tool: str, cause: str) -> None:
    quick = HealthPolicy(stop_timeout_sec=0.5)
    async with supervised(spec("a", script, health=quick, restart=LATER)) as (supervisor, heard):
        await heard.state("a", "ready")
        with pytest.raises(ChildGone):
            await call(supervisor, "a", tool)
        await heard.state("a", "backoff")
        assert heard.exits("a")[0].cause == cause


async def test_a_limited_runtime_loses_no_call_of_a_real_server() -> None:
    wanted = msgspec.structs.replace(spec("a", "slow.py"), limits=ResourceLimits(runtime_max_sec=0.5))
    answered: list[str] = []

    async with supervised(wanted) as (supervisor, heard):
        await heard.state("a", "ready")

        async def keep_calling() -> None:
            while len(heard.exits("a")) < 3:
                answered.append(await call(supervisor, "a", "sleep", seconds=0.05))

        with anyio.fail_after(PATIENCE_S):
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(keep_calling)
        assert {exit_.cause for exit_ in heard.exits("a")} == {"runtime"}
        assert set(answered) == {"slept"}
        assert {"backoff", "failed", "stopped"} & set(heard.states("a")) == set()


@pytest.mark.parametrize(
    ("word", "reason", "comes_back"),
    [
        ("stop", "stopped by request", False),
        ("restart", "restarted by request", True),
        ("change", "its configuration changed", True),
        ("remove", "no longer wanted", False),
        ("end", "the gateway is stopping", False),
    ],
)
async def test_an_open_call_is_told_who_asked_for_the_end_and_whether_the_server_comes_back(
    word: str, reason: str, comes_back: bool
) -> None:
    health = HealthPolicy(stop_timeout_sec=0.3)
    told: list[ChildGone] = []
    async with supervised(spec("a", "slow.py", health=health)) as (supervisor, heard):
        await heard.state("a", "ready")

        async def ask() -> None:
            with pytest.raises(ChildGone) as caught:
                await call(supervisor, "a", "sleep", seconds=600)
            told.append(caught.value)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            with anyio.fail_after(PATIENCE_S):
                while row(supervisor, "a")["in_flight"] < 1:
                    await anyio.lowlevel.checkpoint()
            match word:
                case "stop" | "restart":
                    await getattr(supervisor, word)(ServerName("a"))
                case "change":
                    await supervisor.apply([spec("a", "slow.py", "--start", "0.01", health=health)])
                case "remove":
                    await supervisor.apply([])
                case _:
                    supervisor.cut_calls("the gateway is stopping")
        stopping = heard.states("a")["stopping"][0]
    assert (told[0].reason.startswith(reason), told[0].comes_back) == (True, comes_back)
    assert stopping.reason == reason
    assert heard.exits("a")[0].reason.startswith(reason)


async def test_a_stop_leaves_nothing_also_not_what_left_the_servers_group() -> None:
    async with supervised(spec("a", "crasher.py", "--at", "never", "--setsid")) as (supervisor, heard):
        await heard.state("a", "ready")
        left = psutil.Process(int(await call(supervisor, "a", "grandchild")))
        await supervisor.stop(ServerName("a"))
        _, alive = psutil.wait_procs([left], timeout=10)
        assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.parametrize("then", ["start", "restart"])
async def test_a_stop_returns_also_when_somebody_starts_the_server_meanwhile(then: str) -> None:
    async with supervised(spec("a")) as (supervisor, heard):
        await heard.state("a", "ready")
        with anyio.fail_after(PATIENCE_S):
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(supervisor.stop, ServerName("a"))
                await heard.state("a", "stopping")
                await getattr(supervisor, then)(ServerName("a"))
        await heard.state("a", "ready", times=2)
