"""A remote server behind a network that fails: the same states as a child's, and no call is run twice."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import httpx
import pytest
from msgspec.structs import replace

from gateway.errors import CallTimeout, ChildGone, GatewayError, ServerNotReady
from gateway.model import CallPolicy, HealthPolicy, RemoteLaunch, RestartPolicy
from gateway.supervisor.causes import Cause
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.talking.http.wire import FAREWELL_S
from tests.servers.fault_proxy import FaultProxy, fault_proxy
from tests.supervisor.running import Heard, call, free_port, remote_spec, supervised
from tests.supervisor.talking.remotes import Remotes, told, until_up, wait_until_up

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]

ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])
WATCHED = HealthPolicy(interval_sec=0.2, timeout_sec=1.0, failures=3)
SECRETLY = 60.0  # a health interval that does not disturb


@pytest.fixture
def proxy(remote: Remotes, era: str) -> Iterator[FaultProxy]:
    """A proxy before a running server of that era."""
    port = remote("--era", era)
    wait_until_up(port)
    with fault_proxy(port) as running:
        yield running


def unwatched() -> HealthPolicy:
    return HealthPolicy(interval_sec=SECRETLY)


@ERAS
async def test_an_idle_server_whose_host_vanished_is_noticed_by_probes_and_comes_back_by_itself(
    proxy: FaultProxy,
) -> None:
    async with supervised(remote_spec("r", proxy.port, health=WATCHED)) as (supervisor, heard):
        await heard.state("r", "ready")
        proxy.faults.blackhole = True
        began = anyio.current_time()
        backoff = await heard.state("r", "backoff")
        took_s = anyio.current_time() - began
        assert "3 of 3 failed probes" in backoff.reason
        # Its interval, three probes, a second between them at most, its (useless) farewell; 5 s for a loaded machine.
        assert took_s < WATCHED.interval_sec + 3 * (WATCHED.timeout_sec + WATCHED.interval_sec) + FAREWELL_S + 5.0
        assert heard.exits("r")[-1].cause in {Cause.LOST, Cause.HANG}
        ready = len(heard.states("r")["ready"])
        proxy.faults.clear()
        await heard.state("r", "ready", times=ready + 1)
        assert await call(supervisor, "r", "echo", text="back") == "back"


async def test_a_deadline_is_kept_although_the_server_does_not_take_the_cancellation(remote: Remotes) -> None:
    port = remote()
    wait_until_up(port)
    with fault_proxy(port) as proxy:
        async with supervised(remote_spec("r", proxy.port, health=unwatched())) as (supervisor, heard):
            await heard.state("r", "ready")
            proxy.faults.blackhole = True
            began = anyio.current_time()
            with pytest.raises(CallTimeout):
                await call(supervisor, "r", "echo", timeout_s=0.2)
            assert anyio.current_time() - began < FAREWELL_S


@ERAS
async def test_a_call_whose_connection_is_reset_in_its_answer_is_told_so_and_never_sent_again(
    proxy: FaultProxy,
) -> None:
    async with supervised(remote_spec("r", proxy.port, health=unwatched())) as (supervisor, heard):
        await heard.state("r", "ready")
        proxy.faults.reset_after = 20
        with pytest.raises(ChildGone, match="the connection broke") as caught:
            await call(supervisor, "r", "echo", text="once")
        assert caught.value.ran is None  # nobody knows
        proxy.faults.clear()
        assert (await told(proxy.target_port))["executed"]["once"] == 1
        await heard.state("r", "ready")
        assert await _called(supervisor, heard, "after") == "after"


@ERAS
async def test_an_answer_that_ends_early_is_no_answer(proxy: FaultProxy) -> None:
    async with supervised(remote_spec("r", proxy.port, health=unwatched())) as (supervisor, heard):
        await heard.state("r", "ready")
        proxy.faults.half_close_after = 150
        with pytest.raises(ChildGone):
            await call(supervisor, "r", "big", bytes=100_000, text="once")
        proxy.faults.clear()
        assert (await told(proxy.target_port))["executed"]["once"] == 1


class ShutOnce(httpx.AsyncHTTPTransport):
    """A way to a server whose door is shut when the first call comes."""

    def __init__(self, refusal: Exception) -> None:
        super().__init__(trust_env=False)
        self.refusal: Exception | None = refusal

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.refusal is not None and b'"tools/call"' in await request.aread():
            refusal, self.refusal = self.refusal, None
            raise refusal
        return await super().handle_async_request(request)


@ERAS
async def test_a_message_that_could_not_leave_is_sent_again_and_runs_once(remote: Remotes, era: str) -> None:
    port = remote("--era", era)
    spec = remote_spec("r", port, health=unwatched())
    shut = lambda: ShutOnce(httpx.ConnectError("down"))  # noqa: E731
    async with supervised(spec, remote_transport=shut) as (supervisor, heard):
        await heard.state("r", "ready")
        assert await call(supervisor, "r", "echo", text="x") == "x"
        assert (await told(port))["executed"]["x"] == 1


@ERAS
async def test_a_message_that_may_have_left_is_never_sent_again(remote: Remotes, era: str) -> None:
    port = remote("--era", era)
    spec = remote_spec("r", port, health=unwatched())
    broken = lambda: ShutOnce(httpx.ReadError("gone"))  # noqa: E731
    async with supervised(spec, remote_transport=broken) as (supervisor, heard):
        await heard.state("r", "ready")
        with pytest.raises(ChildGone) as caught:
            await call(supervisor, "r", "echo", text="x")
        assert caught.value.ran is None
        assert "x" not in (await told(port))["executed"]


async def test_a_call_that_finds_the_door_shut_is_told_that_it_did_nothing(remote: Remotes) -> None:
    port = remote()
    async with supervised(remote_spec("r", port, health=unwatched())) as (supervisor, heard):
        await heard.state("r", "ready")
        await anyio.to_thread.run_sync(remote.stop)
        with pytest.raises(ChildGone, match="connection refused") as caught:
            await call(supervisor, "r", "echo", text="x")
        assert caught.value.ran is False


@ERAS
async def test_a_slow_drip_ends_at_the_deadline_and_holds_up_nobody_else(proxy: FaultProxy, remote: Remotes) -> None:
    other = remote()
    slow = remote_spec("slow", proxy.port, health=unwatched(), call=CallPolicy(max_in_flight=64))
    async with supervised(slow, remote_spec("quick", other)) as (supervisor, heard):
        await heard.state("slow", "ready")
        await heard.state("quick", "ready")
        proxy.faults.drip_s = 1.0
        ended: list[str] = []

        async def drip() -> None:
            with pytest.raises(CallTimeout):
                await call(supervisor, "slow", "echo", timeout_s=3.0)
            ended.append("slow")

        async with anyio.create_task_group() as tasks:
            for _ in range(64):
                tasks.start_soon(drip)
            for number in range(20):
                assert await call(supervisor, "quick", "echo", text=str(number)) == str(number)
                assert not ended
        assert len(ended) == 64


@ERAS
async def test_latency_is_borne(proxy: FaultProxy) -> None:
    proxy.faults.latency_s = 0.3
    async with supervised(remote_spec("r", proxy.port)) as (supervisor, heard):
        await heard.state("r", "ready")
        assert await call(supervisor, "r", "echo", text="late") == "late"


async def test_an_unreachable_server_backs_off_gives_up_and_is_tried_again_by_itself(remote: Remotes) -> None:
    port = free_port()
    restart = RestartPolicy(
        restart_sec=0.05, restart_max_delay_sec=0.2, start_limit_burst=3, start_limit_interval_sec=60,
        retry_failed_sec=0.3,
    )  # fmt: skip
    async with supervised(remote_spec("r", port, restart=restart)) as (supervisor, heard):
        failed = await heard.state("r", "failed")
        assert "it ended 3 times" in failed.reason
        assert "cannot be reached (connection refused)" in failed.reason
        assert [died.cause for died in heard.exits("r")] == [Cause.LOST] * 3
        with pytest.raises(ServerNotReady, match="connection refused"):
            await call(supervisor, "r", "echo")
        await heard.state("r", "failed", times=2)  # tried once more, by itself
        remote(port=port)
        await heard.state("r", "ready")
        assert await call(supervisor, "r", "echo", text="up") == "up"


async def test_a_name_that_does_not_exist_is_the_reason(remote: Remotes) -> None:
    spec = remote_spec("r", remote())
    launch = RemoteLaunch("http://no-such-host.invalid/mcp")
    async with supervised(remote_spec("r", 9)) as (supervisor, heard):
        await supervisor.apply([replace(spec, launch=launch)])
        await heard.until(
            lambda: any("its name cannot be resolved" in f.reason for f in heard.states("r").get("backoff", []))
        )


async def test_a_modern_call_that_is_given_up_is_cancelled_by_closing_its_stream(remote: Remotes) -> None:
    port = remote("--era", "modern", "--answer", "sse")
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        with pytest.raises(CallTimeout):
            await call(supervisor, "r", "sleep", seconds=3600, timeout_s=0.3)
        with anyio.fail_after(20):
            while (counted := await told(port))["cut_off"] < 1:
                await anyio.sleep(0.05)
        assert "notifications/cancelled" not in counted["heard"]


async def test_a_stream_that_stays_open_after_its_answer_delays_nobody(remote: Remotes) -> None:
    port = remote("--answer", "sse")
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        for number in range(5):
            assert await call(supervisor, "r", "open", text=str(number), timeout_s=10) == str(number)


@ERAS
async def test_connections_are_used_again_whether_answers_are_streams_or_not(remote: Remotes, era: str) -> None:
    port = remote("--answer", "sse", "--era", era)
    await until_up(port)
    with fault_proxy(port) as proxy:
        async with supervised(remote_spec("r", proxy.port, health=unwatched())) as (supervisor, heard):
            await heard.state("r", "ready")
            await call(supervisor, "r", "echo")
            before = proxy.accepted
            for _ in range(20):
                await call(supervisor, "r", "echo")
            assert proxy.accepted - before <= 1


async def _called(supervisor: Supervisor, heard: Heard, text: str) -> str:
    """Call, whatever the trouble before has led to meanwhile."""
    with anyio.fail_after(30):
        while True:
            try:
                return await call(supervisor, "r", "echo", text=text)
            except GatewayError:
                await heard.state("r", "ready")
                await anyio.sleep(0.05)
