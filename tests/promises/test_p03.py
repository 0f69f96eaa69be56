"""P3: after 5 ends within 300 s it is given up (failed, visible), others untouched; every 10 min it is tried again."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from gateway.errors import ServerNotReady
from gateway.model import RestartPolicy, ServerName
from gateway.supervisor.restart import GiveUp, RestartAfter, RestartTracker
from tests.e2e.harness import python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of
from tests.promises.kept import kept, undisturbed
from tests.supervisor.running import QUICK, call, row, spec

RETRIED = RestartPolicy(restart_sec=0.01, restart_max_delay_sec=0.05, retry_failed_sec=0.3)


def test_p3_by_the_clock_the_fifth_end_within_the_window_is_the_last() -> None:
    tracker, verdicts = RestartTracker(RestartPolicy(), random.Random(1)), []
    for now in (0.0, 70.0, 140.0, 210.0, 280.0):
        tracker.started(now)
        verdicts.append(tracker.exited(now + 1, clean=False))
    assert [type(verdict) for verdict in verdicts] == [RestartAfter] * 4 + [GiveUp]
    assert verdicts[-1] == GiveUp("it ended 5 times within 300 s", 600.0)


def test_p3_by_the_clock_five_ends_in_more_than_the_window_are_no_crash_loop() -> None:
    tracker = RestartTracker(RestartPolicy(), random.Random(1))
    for life in range(50):
        tracker.started(life * 76.0)  # four of them in 300 s
        assert isinstance(tracker.exited(life * 76.0 + 1, clean=False), RestartAfter)


@pytest.mark.process
async def test_p3_a_crash_loop_ends_after_exactly_five_lives_and_nobody_else_notices() -> None:
    async with kept(spec("bad", "crasher.py", "--at", "start"), spec("good")) as (supervisor, heard):
        async with undisturbed(supervisor, heard) as good:
            await heard.state("bad", "failed")
            await good.more(10)
        assert len(heard.exits("bad")) == len(heard.states("bad")["starting"]) == 5
        told = row(supervisor, "bad")
        assert (told["state"], told["health"], told["callable"]) == ("failed", "unhealthy", False)
        assert "5 times within 300 s" in told["reason"]
        assert "status 3" in told["reason"]
        assert 590 < told["next_retry_s"] <= 600
        with pytest.raises(ServerNotReady) as caught:
            await call(supervisor, "bad", "crash")
        assert caught.value.retry_after_s == pytest.approx(600, abs=30)


@pytest.mark.process
async def test_p3_deaths_of_a_ready_server_count_as_well() -> None:
    async with kept(spec("bad"), spec("good")) as (supervisor, heard):
        async with undisturbed(supervisor, heard):
            for life in range(1, 6):
                pid = (await heard.state("bad", "ready", times=life)).pid
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
            await heard.state("bad", "failed")
        assert len(heard.exits("bad")) == 5


@pytest.mark.process
async def test_p3_a_person_may_start_it_again_with_a_clean_slate(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    async with kept(spec("a", "moody.py", str(tmp_path / "broken"), restart=QUICK)) as (supervisor, heard):
        await heard.state("a", "failed")
        await supervisor.start(ServerName("a"))
        await heard.state("a", "failed", times=2)
        assert len(heard.exits("a")) == 10  # five more: not one, as a try by itself has
        (tmp_path / "broken").unlink()
        await supervisor.restart(ServerName("a"))
        await heard.state("a", "ready")
        assert await call(supervisor, "a", "echo", text="back") == "back"


@pytest.mark.process
async def test_p3_it_is_tried_once_by_itself_each_time_the_pause_is_over_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    async with kept(spec("a", "moody.py", str(tmp_path / "broken"), restart=RETRIED)) as (_, heard):
        await heard.state("a", "failed", times=3)
        assert len(heard.exits("a")) == 5 + 1 + 1
        (tmp_path / "broken").unlink()
        await heard.state("a", "ready")


@pytest.mark.process
@pytest.mark.timeout(120)
def test_p3_a_client_of_the_gateway_reads_why_and_other_servers_answer(tmp_path: Path) -> None:
    bad = {**python_server("crasher.py", "--at", "start")}
    with running_gateway(tmp_path, servers={"bad": bad, "good": python_server("echo.py")}) as gateway:
        gateway.wait_ready("good")
        pid = gateway.server("good")["pid"]
        wait_until(lambda: gateway.server("bad")["state"] == "failed", within=60, what="given up")
        with Legacy(gateway.url, gateway.token) as client:
            assert text_of(client.call("good__echo", {"text": "fine"})) == "fine"
            assert "good__echo" in {tool["name"] for tool in client.tools()}
        assert "5 times within 300 s" in gateway.server("bad")["reason"]
        assert (gateway.server("good")["pid"], gateway.server("good")["restarts"]) == (pid, 0)
