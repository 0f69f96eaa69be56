"""Credentials that a remote server refuses in mid-life, or answers with "not now"."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

import anyio
import pytest

from gateway.errors import ChildGone, GatewayError, ServerOverloaded
from gateway.model import CallPolicy, HealthPolicy, RestartPolicy, ServerName
from tests.supervisor.running import call, remote_spec, supervised
from tests.supervisor.talking.remotes import Remotes, told, until_up

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

BEARER = {"Authorization": "Bearer ${secret:TOKEN}"}
OLD, NEW = "old-canary-1", "new-canary-2"


class Kept:
    """A secret store, and who reads it anew."""

    def __init__(self, **secrets: str) -> None:
        self.secrets = secrets
        self.asked: list[str] = []

    async def fresh(self, _server: ServerName, refused: Mapping[str, str]) -> Mapping[str, str] | None:
        self.asked.append(refused["TOKEN"])
        await anyio.sleep(0.05)
        return dict(self.secrets)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_fifty_calls_with_an_expired_token_are_answered_after_one_refresh(remote: Remotes, era: str) -> None:
    port = remote("--token", OLD, "--era", era)
    await until_up(port)
    kept = Kept(TOKEN=OLD)
    spec = remote_spec("r", port, headers=BEARER, call=CallPolicy(max_in_flight=64))
    async with supervised(spec, secrets=kept.secrets, refresh=kept.fresh) as (supervisor, heard):
        await heard.state("r", "ready")
        await told(port, token=NEW)
        kept.secrets = {"TOKEN": NEW}
        answers: list[str] = []

        async def one(number: int) -> None:
            answers.append(await call(supervisor, "r", "echo", text=f"n{number}"))

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(one, number)
        executed = (await told(port))["executed"]
        assert sorted(answers) == sorted(f"n{n}" for n in range(50))
        assert set(executed.values()) == {1}
        assert kept.asked == [OLD]
        assert set(heard.states("r")) == {"starting", "ready"}


async def test_a_token_that_nobody_renewed_fails_the_server_with_its_secret_named_until_it_is_set(
    remote: Remotes,
) -> None:
    port = remote("--token", OLD)
    kept = Kept(TOKEN=OLD)
    secrets = dict(kept.secrets)
    async with supervised(remote_spec("r", port, headers=BEARER), secrets=secrets, refresh=kept.fresh) as (
        supervisor,
        heard,
    ):
        await heard.state("r", "ready")
        await told(port, token=NEW)
        with pytest.raises(ChildGone, match="HTTP 401") as caught:
            await call(supervisor, "r", "echo", text="x")
        assert caught.value.ran is False
        failed = await heard.state("r", "failed")
        assert "HTTP 401" in failed.reason
        assert "mcp-gateway secret set r TOKEN" in failed.reason
        assert failed.next_retry_s is not None
        secrets["TOKEN"] = NEW
        await supervisor.restart(ServerName("r"))
        await heard.state("r", "ready", times=2)
        assert await call(supervisor, "r", "echo", text="in") == "in"
        assert "x" not in (await told(port))["executed"]


async def test_a_fresh_token_that_is_refused_as_well_is_tried_once(remote: Remotes) -> None:
    port = remote("--token", OLD)
    kept = Kept(TOKEN="third-canary-3")
    spec = remote_spec("r", port, headers=BEARER)
    async with supervised(spec, secrets={"TOKEN": OLD}, refresh=kept.fresh) as (supervisor, heard):
        await heard.state("r", "ready")
        await told(port, token=NEW)
        with pytest.raises(ChildGone, match="HTTP 401"):
            await call(supervisor, "r", "echo", text="x")
        await heard.state("r", "failed")
        seen = (await told(port))["seen_tokens"]
        assert 1 <= seen["Bearer third-canary-3"] <= 3  # the call, and what its next start asked
        assert len(kept.asked) <= 3


async def test_a_hook_that_fails_is_as_good_as_none(remote: Remotes) -> None:
    port = remote("--token", OLD)

    async def broken(_server: ServerName, _refused: Mapping[str, str]) -> Mapping[str, str] | None:
        raise GatewayError("the keyring is locked")

    spec = remote_spec("r", port, headers=BEARER)
    async with supervised(spec, secrets={"TOKEN": OLD}, refresh=broken) as (supervisor, heard):
        await heard.state("r", "ready")
        await told(port, token=NEW)
        with pytest.raises(ChildGone, match="HTTP 401"):
            await call(supervisor, "r", "echo")


async def test_a_token_that_expired_before_the_start_is_renewed_by_the_handshake(remote: Remotes) -> None:
    port = remote("--token", NEW)
    kept = Kept(TOKEN=NEW)
    spec = remote_spec("r", port, headers=BEARER)
    async with supervised(spec, secrets={"TOKEN": OLD}, refresh=kept.fresh) as (supervisor, heard):
        await heard.state("r", "ready")
        assert await call(supervisor, "r", "echo", text="in") == "in"
        assert kept.asked == [OLD]


async def test_an_idle_server_whose_token_expires_is_renewed_by_its_probes(remote: Remotes) -> None:
    port = remote("--token", OLD)
    await until_up(port)
    kept = Kept(TOKEN=OLD)
    spec = remote_spec("r", port, headers=BEARER, health=HealthPolicy(interval_sec=0.1, timeout_sec=10))
    async with supervised(spec, secrets=dict(kept.secrets), refresh=kept.fresh) as (_, heard):
        await heard.state("r", "ready")
        kept.secrets = {"TOKEN": NEW}
        await told(port, token=NEW)
        with anyio.fail_after(20):
            while (await told(port))["seen_tokens"].get(f"Bearer {NEW}", 0) < 2:
                await anyio.sleep(0.05)
        assert set(heard.states("r")) == {"starting", "ready"}


async def test_no_secret_is_in_what_is_told_or_logged(remote: Remotes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    port = remote("--token", OLD)
    spec = remote_spec("r", port, headers=BEARER)
    kept = Kept(TOKEN="third-canary-3")
    async with supervised(spec, secrets={"TOKEN": OLD}, refresh=kept.fresh) as (supervisor, heard):
        await heard.state("r", "ready")
        await told(port, token=NEW)
        with pytest.raises(ChildGone) as caught:
            await call(supervisor, "r", "echo")
        await heard.state("r", "failed")
        everything = [repr(heard.facts), caplog.text, str(caught.value), "\n".join(supervisor.logs(ServerName("r")))]
        everything += [json.dumps(supervisor.status(), default=str)]
        assert not [text for text in everything if "canary" in text]


@pytest.mark.parametrize(
    ("status", "headers", "code", "wait_s"),
    [
        (429, {}, "rate_limited", 1.0),
        (429, {"retry-after": "7"}, "rate_limited", 7.0),
        (503, {"retry-after": "7"}, "busy", 7.0),
        (503, {"retry-after": "99999"}, "busy", 300.0),
    ],
)
async def test_a_server_that_has_no_room_answers_its_caller_and_stays(
    remote: Remotes, status: int, headers: dict[str, str], code: str, wait_s: float
) -> None:
    port = remote()
    await until_up(port)
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        await told(port, refuse={"status": status, "headers": headers, "method": "tools/call"})
        with pytest.raises(ServerOverloaded) as caught:
            await call(supervisor, "r", "echo", text="x")
        assert (caught.value.code, caught.value.retry_after_s) == (code, wait_s)
        assert await call(supervisor, "r", "echo", text="y") == "y"
        assert "x" not in (await told(port))["executed"]
        assert set(heard.states("r")) == {"starting", "ready"}


async def test_a_server_error_is_gone_for_this_call_and_looked_into(remote: Remotes) -> None:
    port = remote()
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        await told(port, refuse={"status": 502, "method": "tools/call"})
        with pytest.raises(ChildGone, match="HTTP 502") as caught:
            await call(supervisor, "r", "echo", text="x")
        assert caught.value.ran is None
        with anyio.fail_after(20):
            while "ping" not in (await told(port))["heard"]:
                await anyio.sleep(0.05)
        assert await call(supervisor, "r", "echo", text="y") == "y"


async def test_a_start_that_is_put_off_waits_as_long_as_it_is_asked_to(remote: Remotes) -> None:
    port = remote()
    await until_up(port)
    await told(port, refuse={"status": 503, "headers": {"retry-after": "2"}, "times": 1})
    restart = RestartPolicy(restart_sec=0.01, restart_max_delay_sec=5.0, start_limit_burst=100)
    async with supervised(remote_spec("r", port, restart=restart)) as (_, heard):
        backoff = await heard.state("r", "backoff")
        assert "HTTP 503" in backoff.reason
        assert backoff.next_retry_s == pytest.approx(2.0, abs=0.1)
        await heard.state("r", "ready")
