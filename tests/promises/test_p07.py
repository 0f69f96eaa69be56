"""P7: filth on stdout is contained: lines <= 16 MiB, garbage counted, put aside at 100 a minute, never harming others.

Numbers: the gateway's memory grows < 64 MiB, its loop lags < 100 ms.
"""

from __future__ import annotations

import anyio
import pytest

from gateway.errors import ChildGone, GatewayError, ServerNotReady
from gateway.model import CallPolicy, HealthPolicy
from gateway.protocol.framing import LINE_CAP
from tests.promises.alone import MIB, Plan, Seen, run_alone
from tests.promises.kept import FAR_S, TENFOLD, UNPROBED, kept, undisturbed
from tests.supervisor.running import call, row, spec

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

GROWN = 64 * MIB
LAG_S = 0.1
STRAY = (
    "garbage", "bad_utf8", "nul", "deep", "deep_answer", "huge_number", "unknown_id", "text_id", "batch",
    "lone_surrogate",
)  # fmt: skip
UNCOUNTED = {"lone_surrogate"}  # a well-formed notice that nobody knows is dropped, but it is no noise


def contained(seen: Seen) -> None:
    """What holds whatever came: our own work between two turns of the loop, memory, and the other server."""
    assert seen.grown < GROWN
    assert seen.busy_s < LAG_S
    assert seen.lag_s < LAG_S * TENFOLD
    assert (seen.bystander_calls > 0, seen.bystander_pids) == (True, 1)


def test_p7_lines_end_at_sixteen_mebibytes() -> None:
    assert LINE_CAP == 16 * MIB


@pytest.mark.parametrize("kind", STRAY)
def test_p7_a_stray_line_of_any_kind_costs_nothing_but_a_count(kind: str) -> None:
    seen = run_alone(Plan("filth.py", calls=[(kind, {"count": 20}), ("echo", {"text": "still here"})]), timeout_s=100)
    contained(seen)
    assert seen.outcomes == ["answered", "still here"]
    assert (seen.noise, seen.restarts) == (0 if kind in UNCOUNTED else 20, 0)


def test_p7_a_hundred_megabyte_line_is_skipped_and_the_next_answer_read() -> None:
    plan = Plan("filth.py", calls=[("long_line", {"size": 100 * MIB}), ("echo", {"text": "still here"})])
    seen = run_alone(plan, timeout_s=100)
    contained(seen)
    assert seen.outcomes == ["answered", "still here"]
    assert (seen.noise, seen.restarts) == (1, 0)


def test_p7_ten_thousand_notifications_a_second_starve_nobody() -> None:
    plan = Plan("filth.py", calls=[("notices", {"count": 10_000, "seconds": 3}), ("echo", {"text": "still here"})])
    seen = run_alone(plan, timeout_s=100)
    contained(seen)
    assert int(seen.outcomes[0]) > 1000
    assert seen.outcomes[1] == "still here"
    assert (seen.noise, seen.restarts) == (0, 0)


async def test_p7_a_banner_before_the_first_message_is_shown_in_its_log() -> None:
    async with kept(spec("a", "filth.py", "--banner")) as (supervisor, heard):
        await heard.state("a", "ready")
        assert "[stdout]   *** FILTH 1.0 ***" in "\n".join(supervisor.logs(heard.lists("a")[0].server))
        assert row(supervisor, "a")["noise"] >= 3
        assert row(supervisor, "a")["restarts"] == 0


async def test_p7_half_a_line_and_then_the_end_is_told_at_once() -> None:
    patient = CallPolicy(timeout_sec=FAR_S, max_timeout_sec=FAR_S)
    bad = spec("a", "filth.py", health=UNPROBED, call=patient)
    async with kept(bad, spec("good")) as (supervisor, heard):
        pid = (await heard.state("a", "ready")).pid
        async with undisturbed(supervisor, heard):
            with pytest.raises(ChildGone, match="exited with status 0"):
                await call(supervisor, "a", "partial_then_eof")
            await heard.ready_but("a", pid)
        assert await call(supervisor, "a", "echo", text="again") == "again"


async def test_p7_half_a_line_and_then_nothing_is_a_hang() -> None:
    health = HealthPolicy(interval_sec=0.3, timeout_sec=0.3, failures=3, stop_timeout_sec=0.3)
    async with kept(spec("a", "filth.py", health=health), spec("good", health=UNPROBED)) as (supervisor, heard):
        pid = (await heard.state("a", "ready")).pid
        async with undisturbed(supervisor, heard):
            with pytest.raises(ChildGone):
                await call(supervisor, "a", "partial_then_hang")
            await heard.ready_but("a", pid)
        assert "3 of 3 failed probes" in heard.states("a")["backoff"][0].reason


async def test_p7_the_first_of_three_answers_counts_and_ids_are_not_mixed_up() -> None:
    async with kept(spec("a", "filth.py")) as (supervisor, _):
        for _ in range(10):
            assert await call(supervisor, "a", "duplicate") == "first"
            assert await call(supervisor, "a", "echo", text="mine") == "mine"


async def test_p7_an_answer_whose_text_is_no_text_harms_nobody() -> None:
    async with kept(spec("a", "filth.py")) as (supervisor, heard):
        await heard.state("a", "ready")
        upstream = await supervisor.acquire(heard.lists("a")[0].server)
        try:
            answer = await upstream.request("tools/call", b'{"name":"surrogates"}')
        except GatewayError as exc:
            answer = exc.code.encode()
        assert answer  # relayed as it came, or refused by name: both are answers
        assert await call(supervisor, "a", "echo", text="next") == "next"


def test_p7_the_default_puts_aside_at_a_hundred_a_minute() -> None:
    assert HealthPolicy().noise_limit == 100


@pytest.mark.parametrize("kind", ["garbage", "nul", "bad_utf8", "deep"])
async def test_p7_one_that_only_talks_noise_is_put_aside_and_said_so(kind: str) -> None:
    async with kept(spec("a", "filth.py"), spec("good")) as (supervisor, heard):
        await heard.state("a", "ready")
        async with undisturbed(supervisor, heard):
            with pytest.raises(ChildGone):  # its own call is lost with it: five thousand lines come before the answer
                await call(supervisor, "a", kind, count=5000)
            failed = await heard.state("a", "failed")
            with pytest.raises(ServerNotReady, match="put aside"):
                await call(supervisor, "a", "echo", text="x")
        assert "put aside" in failed.reason
        assert failed.next_retry_s is not None
        assert {exit_.cause for exit_ in heard.exits("a")} == {"noise"}
        assert len(heard.exits("a")) == 1


async def test_p7_a_hundred_stray_lines_are_borne() -> None:
    async with kept(spec("a", "filth.py")) as (supervisor, heard):
        await heard.state("a", "ready")
        assert await call(supervisor, "a", "garbage", count=99) == "answered"
        with anyio.move_on_after(0.5):
            await heard.state("a", "failed")
        assert row(supervisor, "a")["state"] == "ready"
        assert await call(supervisor, "a", "echo", text="x") == "x"
