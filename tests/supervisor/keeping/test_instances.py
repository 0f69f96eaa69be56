"""Children of single callers in the row of their server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anyio
import msgspec
import psutil
import pytest

from gateway.errors import ChildGone
from gateway.model import ServerName, ServerSpec, SessionScope, StartPolicy
from gateway.supervisor.keeping.instances import label
from gateway.supervisor.supervisor import Supervisor
from tests.supervisor.running import PATIENCE_S, call, row, spec, supervised

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

A = ServerName("a")
ALICE, BOB = "agent\x1ftoken\x1falice\x1f7", "agent\x1ftoken\x1fbob\x1f"


def own(*, lazy: bool = True, keep_warm: int = 0) -> ServerSpec:
    wanted = spec("a", "crasher.py", session=SessionScope.PER_AGENT)
    return msgspec.structs.replace(wanted, start=StartPolicy(lazy=lazy, keep_warm=keep_warm))


async def until(supervisor: Supervisor, question: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait for something that nobody tells: what instances do is not published."""
    with anyio.fail_after(PATIENCE_S):
        while not question(found := row(supervisor, "a")):
            await anyio.sleep(0.01)
    return found


@pytest.mark.parametrize(
    ("instance", "shown"),
    [
        (ALICE, "alice/7"),
        (BOB, "bob"),
        ("agent\x1ftoken\x1f\x1f", "unnamed agent"),
        ("session\x1f0123456789abcdef", "session 01234567"),
        ("", "spare"),
        ("mine", "mine"),
    ],
)
def test_an_instance_is_called_by_its_agent_or_by_the_beginning_of_its_session(instance: str, shown: str) -> None:
    assert label(instance) == shown
    assert "token" not in shown


async def test_a_shared_server_has_no_details() -> None:
    async with supervised(spec("a")) as (supervisor, heard):
        await heard.state("a", "ready")
        assert row(supervisor, "a")["instances_detail"] == []


async def test_the_row_of_a_server_that_rests_speaks_for_those_that_run() -> None:
    async with supervised(own()) as (supervisor, heard):
        await heard.state("a", "stopped")  # it was looked at, and rests
        resting = await until(supervisor, lambda row: row["resting"])
        assert (resting["pid"], resting["rss_bytes"], resting["instances_detail"]) == (None, None, [])
        pids = {int(await call(supervisor, "a", "pid", instance=one)) for one in (ALICE, BOB)}
        told = row(supervisor, "a")
        json.dumps(told)
        assert (told["state"], told["health"], told["resting"], told["callable"]) == ("ready", "healthy", False, True)
        assert told["reason"] == "callers have their own: 2 ready"
        assert [one["instance"] for one in told["instances_detail"]] == ["alice/7", "bob"]
        assert {one["pid"] for one in told["instances_detail"]} == pids
        assert {(one["state"], one["health"], one["in_flight"]) for one in told["instances_detail"]} == {
            ("ready", "healthy", 0)
        }
        for key in ("rss_bytes", "tasks"):
            assert told[key] == sum(one[key] for one in told["instances_detail"]) > 0
        assert told["open_fds"] > 0
        assert told["cpu_seconds"] > 0
        assert told["uptime_s"] > 0
        assert "token" not in json.dumps(told)


async def test_the_figures_of_the_shared_one_and_of_spares_are_part_of_the_sum() -> None:
    async with supervised(own(lazy=False, keep_warm=1)) as (supervisor, heard):
        await heard.state("a", "ready")
        await call(supervisor, "a", "pid", instance=ALICE)
        told = await until(supervisor, lambda row: row["spares"] == 1)
        assert [one["instance"] for one in told["instances_detail"]] == ["alice/7", "spare"]
        others = sum(one["rss_bytes"] for one in told["instances_detail"])
        assert told["rss_bytes"] > others > 0
        assert told["pid"] not in {None, *(one["pid"] for one in told["instances_detail"])}


async def test_ends_and_restarts_of_instances_are_counted_also_when_they_are_gone() -> None:
    async with supervised(own()) as (supervisor, heard):
        await heard.state("a", "stopped")  # it was looked at, and rests
        with pytest.raises(ChildGone):
            await call(supervisor, "a", "crash", instance=ALICE)
        told = await until(supervisor, lambda row: row["restarts"] == 1)
        assert told["restart_causes"] == {told["last_exit"]["cause"]: 1}
        assert (told["exits"][0]["instance"], told["last_exit"]["instance"]) == ("alice/7", "alice/7")
        await call(supervisor, "a", "pid", instance=ALICE)
        assert row(supervisor, "a")["instances_detail"][0]["last_exit"]["cause"] == told["last_exit"]["cause"]
        await supervisor.release(ALICE)
        gone = row(supervisor, "a")
        assert (gone["instances_detail"], gone["restarts"], gone["exits"]) == ([], 1, told["exits"])
        assert gone["last_exit"]["cause"] == "exit"


async def test_counters_never_go_down_whoever_goes() -> None:
    async with supervised(own()) as (supervisor, _):
        await call(supervisor, "a", "pid", instance=ALICE)
        before = row(supervisor, "a")
        assert before["stderr_bytes"] > 0
        await supervisor.release(ALICE)
        after = row(supervisor, "a")
        for key in ("stderr_bytes", "cpu_seconds"):
            assert after[key] >= before[key] > 0


async def test_a_stopped_server_is_stopped_with_all_its_instances() -> None:
    async with supervised(own()) as (supervisor, _):
        pid = int(await call(supervisor, "a", "pid", instance=ALICE))
        with anyio.fail_after(PATIENCE_S):
            await supervisor.stop(A)
        told = row(supervisor, "a")
        assert (told["state"], told["pid"], told["rss_bytes"]) == ("stopped", None, None)
        assert not psutil.pid_exists(pid)


async def test_the_log_has_what_callers_own_children_say_with_their_names() -> None:
    async with supervised(own()) as (supervisor, _):
        await call(supervisor, "a", "pid", instance=ALICE)
        await call(supervisor, "a", "pid", instance=BOB)
        lines = supervisor.logs(A)
        assert {"[alice/7] crasher: about to begin", "[bob] crasher: about to begin"} <= set(lines)
        assert "[bob] crasher: about to begin" in row(supervisor, "a")["stderr_tail"]
        follower = supervisor.follow_logs(A)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(supervisor.restart, A)
            with anyio.fail_after(PATIENCE_S):
                async for line in follower:
                    if line == "[alice/7] crasher: about to begin":
                        break
        await follower.aclose()  # type: ignore[attr-defined]
