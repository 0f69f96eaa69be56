"""One registry over HTTP: retries, caps, rate, old answers; against the stand-in, mostly without sockets."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from gateway.discovery.asking.client import UNAUTHORIZED_MEMORY_S, RegistryClient
from gateway.discovery.asking.drift import DriftMeter
from gateway.discovery.parsing.shapes import Shape, text
from gateway.errors import (
    DiscoveryError,
    ListingInvalid,
    NotFound,
    RegistryUnauthorized,
    RegistryUnavailable,
    Who,
)
from tests.discovery.support import MemoryAnswers, Sleeps, client_of, fail, paths
from tests.fakes import FakeClock
from tests.standins import smithery
from tests.standins.faults import Controlled


@pytest.fixture
def app() -> Controlled:
    """A stand-in Smithery without sockets."""
    return smithery.build()


def as_it_is(value: Any, at: float) -> Any:
    """Read nothing into it."""
    return value


async def ask(client: RegistryClient, path: str = "/servers", **params: str) -> Any:
    """Ask and return the value."""
    return (await client.ask(path, as_it_is, what="servers", params=params)).value


async def test_a_question_carries_the_key_and_says_who_asks(app: Controlled, clock: FakeClock) -> None:
    await ask(client_of(app, clock), q="weather & more")
    (row,) = app.log
    assert row["authorization"] == "Bearer sk-good"
    assert row["user_agent"].startswith("mcp-gateway/")
    assert row["query"] == "q=weather+%26+more"


async def test_without_a_key_no_authorization_is_sent(clock: FakeClock) -> None:
    app = smithery.build(anonymous=True)
    await ask(client_of(app, clock, api_key=""))
    assert app.log[0]["authorization"] is None


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_a_passing_trouble_is_tried_again_with_back_off(app: Controlled, clock: FakeClock, status: int) -> None:
    fail(app, status=status, times=2)
    sleeps = Sleeps(clock)
    assert (await ask(client_of(app, clock, sleep=sleeps)))["servers"]
    assert len(app.log) == 3
    assert [0.375 <= sleeps.waits[0] <= 0.5, 0.75 <= sleeps.waits[1] <= 1.0] == [True, True]


async def test_it_gives_up_after_two_retries(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=503)
    with pytest.raises(RegistryUnavailable, match="503 Service Unavailable: made to fail"):
        await ask(client_of(app, clock))
    assert len(app.log) == 3


@pytest.mark.parametrize(("status", "kind"), [(400, DiscoveryError), (404, NotFound), (403, RegistryUnauthorized)])
async def test_a_lasting_refusal_is_not_tried_again(
    app: Controlled, clock: FakeClock, status: int, kind: type[Exception]
) -> None:
    fail(app, status=status)
    with pytest.raises(kind):
        await ask(client_of(app, clock))
    assert len(app.log) == 1


async def test_a_server_may_forbid_another_try(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=503, headers={"x-should-retry": "false"})
    with pytest.raises(RegistryUnavailable):
        await ask(client_of(app, clock))
    assert len(app.log) == 1


@pytest.mark.parametrize(("header", "wait"), [("retry-after", 7.0), ("retry-after-ms", 0.007)])
async def test_a_wait_within_the_cap_is_honoured(app: Controlled, clock: FakeClock, header: str, wait: float) -> None:
    fail(app, status=429, headers={header: "7"}, times=1)
    sleeps = Sleeps(clock)
    await ask(client_of(app, clock, sleep=sleeps))
    assert sleeps.waits == [wait]


async def test_a_wait_beyond_the_cap_is_refused_and_not_asked_again(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=429, headers={"retry-after": "3600"}, times=1)
    sleeps = Sleeps(clock)
    client = client_of(app, clock, sleep=sleeps)
    with pytest.raises(RegistryUnavailable, match="3600 s, longer than the 30 s allowed") as caught:
        await ask(client)
    assert caught.value.retry_after_s == 3600
    clock.advance(600)
    with pytest.raises(RegistryUnavailable) as again:
        await ask(client)
    assert again.value.retry_after_s == 3000
    assert (len(app.log), sleeps.waits) == (1, [])
    clock.advance(3001)
    assert (await ask(client))["servers"]


async def test_waits_never_go_beyond_the_deadline(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=503, headers={"retry-after": "25"})
    sleeps = Sleeps(clock)
    with pytest.raises(RegistryUnavailable):
        await ask(client_of(app, clock, sleep=sleeps))
    assert sleeps.waits == [25.0]  # a second wait would end after the 35 s that a question may take


async def test_without_a_key_a_refusal_is_asked_for_once_and_remembered(app: Controlled, clock: FakeClock) -> None:
    client = client_of(app, clock, api_key="")
    refusals = []

    async def one() -> None:
        with pytest.raises(RegistryUnauthorized, match="401 Unauthorized: Invalid or missing API key") as caught:
            await ask(client)
        refusals.append(caught.value.fix)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(one)
    assert refusals == ["set a key"] * 5
    assert len(app.log) == 1
    clock.advance(UNAUTHORIZED_MEMORY_S + 1)
    await one()
    assert len(app.log) == 2


async def test_a_slow_registry_is_unavailable_within_its_bounds(app: Controlled, clock: FakeClock) -> None:
    fail(app, "slow", seconds=60)
    with anyio.fail_after(10), pytest.raises(RegistryUnavailable, match=r"did not answer within 0\.05 s"):
        await ask(client_of(app, clock, timeout_s=0.05))
    assert len(app.log) == 3


async def test_the_whole_question_has_a_deadline(app: Controlled, clock: FakeClock) -> None:
    fail(app, "slow", seconds=60)
    client = client_of(app, clock, timeout_s=0.2, retry_cap_s=0.0, sleep=anyio.sleep)
    with anyio.fail_after(10), pytest.raises(RegistryUnavailable, match=r"did not answer within 0\.2 s"):
        await ask(client)


@pytest.mark.parametrize(
    ("mode", "words"), [("html", "a web page"), ("truncated", "not JSON"), ("huge", "more than 8388608 bytes")]
)
async def test_an_answer_without_sense_is_one_clear_line(
    app: Controlled, clock: FakeClock, mode: str, words: str
) -> None:
    fail(app, mode)
    with pytest.raises(RegistryUnavailable, match=words) as caught:
        await ask(client_of(app, clock))
    assert caught.value.fix
    assert "\n" not in caught.value.message
    assert len(app.log) == 1


async def test_a_redirect_is_not_followed_with_the_key(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=301, headers={"location": "https://elsewhere.example/servers"})
    with pytest.raises(RegistryUnavailable, match="points elsewhere"):
        await ask(client_of(app, clock))
    assert paths(app) == ["/servers"]


async def test_our_own_rate_bounds_the_requests(app: Controlled, clock: FakeClock) -> None:
    client = client_of(app, clock, rate="1/h", burst=3, timeout_s=0.3, retry_cap_s=0.0)
    for _ in range(3):
        await ask(client)
    with anyio.fail_after(10), pytest.raises(RegistryUnavailable):
        await ask(client)
    assert len(app.log) == 3


async def test_an_old_answer_serves_when_the_registry_is_gone(app: Controlled, clock: FakeClock) -> None:
    answers = MemoryAnswers()
    client = client_of(app, clock, answers=answers)
    fresh = await client.ask("/servers", as_it_is, what="servers")
    fail(app, status=503)
    clock.advance(90)
    old = await client.ask("/servers", as_it_is, what="servers")
    assert old.value == fresh.value
    assert old.age_s > 90
    assert isinstance(old.problem, RegistryUnavailable)
    assert (fresh.age_s, fresh.problem) == (0.0, None)


async def test_nonsense_never_replaces_a_good_answer(app: Controlled, clock: FakeClock) -> None:
    answers = MemoryAnswers()
    client = client_of(app, clock, answers=answers)

    def read(value: Any, at: float) -> Any:
        if "servers" not in value:
            raise ListingInvalid("no servers")
        return value

    fresh = await client.ask("/servers", read, what="servers")
    fail(app, status=200, body={"maintenance": True})
    old = await client.ask("/servers", read, what="servers")
    assert old.value == fresh.value
    assert isinstance(old.problem, ListingInvalid)


async def test_an_unchanged_answer_is_not_sent_again(app: Controlled, clock: FakeClock) -> None:
    answers = MemoryAnswers()
    client = client_of(app, clock, answers=answers)
    first = await ask(client, "/servers/solo")
    clock.advance(50)
    second = await client.ask("/servers/solo", as_it_is, what="solo")
    assert second.value == first
    assert (second.age_s, second.problem) == (0.0, None)
    assert app.log[1]["if_none_match"]
    assert next(iter(answers.kept.values()))[1] == clock.wall()


async def test_a_tag_that_no_header_can_hold_is_forgotten(app: Controlled, clock: FakeClock) -> None:
    answers = MemoryAnswers()
    url = "http://registry.test/servers/solo"
    await answers.put_answer(url, b"{}", 0.0, '"caf\u00e9"')
    await ask(client_of(app, clock, answers=answers), "/servers/solo")
    assert app.log[0]["if_none_match"] in {"", None}


async def test_an_old_answer_that_can_no_longer_be_read_does_not_hide_the_problem(
    app: Controlled, clock: FakeClock
) -> None:
    answers = MemoryAnswers()
    await answers.put_answer("http://registry.test/servers", b"<html>", 0.0, None)
    fail(app, status=503)
    with pytest.raises(RegistryUnavailable, match="503"):
        await ask(client_of(app, clock, answers=answers))


@pytest.mark.parametrize(
    ("status", "who"),
    [
        (400, Who.PERSON), (401, Who.PERSON), (402, Who.OWNER), (403, Who.OWNER), (422, Who.PERSON), (302, Who.PERSON),
        (429, Who.NOBODY), (408, Who.NOBODY), (500, Who.REGISTRY), (503, Who.REGISTRY),
    ],
)  # fmt: skip
async def test_an_error_says_who_must_act(app: Controlled, clock: FakeClock, status: int, who: Who) -> None:
    fail(app, status=status)
    client = client_of(app, clock)
    with pytest.raises(DiscoveryError) as caught:
        await ask(client)
    assert caught.value.who == who
    assert caught.value.fix


async def test_headers_of_the_operator_go_with_every_question_and_cannot_replace_the_key(clock: FakeClock) -> None:
    app = smithery.build()
    await ask(client_of(app, clock, headers={"x-team": "blue", "user-agent": "ours"}))
    (row,) = app.log
    assert (row["headers"]["x-team"], row["authorization"]) == ("blue", "Bearer sk-good")


async def test_a_good_answer_of_the_wrong_type_is_still_read(app: Controlled, clock: FakeClock) -> None:
    fail(app, "mistyped", body={"servers": []})
    assert await ask(client_of(app, clock)) == {"servers": []}


async def test_differences_from_a_shape_are_counted_once_per_fresh_answer(app: Controlled, clock: FakeClock) -> None:
    meter = DriftMeter("smithery", clock)
    client = client_of(app, clock, meter=meter, answers=MemoryAnswers())
    shape = Shape({"qualifiedName": text()})
    await client.ask("/servers/solo", as_it_is, what="solo", shape=shape)
    counted = client.drift
    assert ("tools", "unknown", 1) in [(one.field, one.kind, one.count) for one in counted]
    await client.ask("/servers/solo", as_it_is, what="solo", shape=shape)  # unchanged: 304
    assert client.drift == counted
