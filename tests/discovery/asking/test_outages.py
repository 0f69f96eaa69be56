"""A registry that is away: asked once, then left alone, across processes; through the client, against the stand-in."""

from __future__ import annotations

import re

import anyio
import anyio.lowlevel
import pytest

from gateway.discovery.asking.breaker import FIRST_PAUSE_S, LONGEST_PAUSE_S, SUSPICIONS
from gateway.discovery.asking.client import SLOW_S, RegistryClient
from gateway.errors import RegistryUnauthorized, RegistryUnavailable, Who
from tests.discovery.asking.test_client import as_it_is, ask
from tests.discovery.support import MemoryAnswers, Sleeps, client_of, fail
from tests.fakes import FakeClock
from tests.standins import smithery
from tests.standins.faults import Controlled


@pytest.fixture
def app() -> Controlled:
    """A stand-in Smithery without sockets."""
    return smithery.build()


async def test_a_dead_registry_is_asked_once_and_then_left_alone_for_a_while(app: Controlled, clock: FakeClock) -> None:
    answers, sleeps = MemoryAnswers(), Sleeps(clock)
    client = client_of(app, clock, answers=answers, sleep=sleeps)
    await ask(client)
    fail(app, status=503)
    await client.ask("/servers", as_it_is, what="servers")
    asked = len(app.log)
    for _ in range(20):
        old = await client.ask("/servers", as_it_is, what="servers")
        assert isinstance(old.problem, RegistryUnavailable)
        assert re.search(r"503 .* \(since 2027-01-15T08:00:0.*Z; asked again in \d s\)", old.problem.message)
    assert len(app.log) == asked


async def test_after_the_pause_one_question_goes_ahead_and_its_outcome_counts_for_all(
    app: Controlled, clock: FakeClock
) -> None:
    client = client_of(app, clock)
    await ask(client)
    fail(app, status=503, headers={"x-should-retry": "false"})
    await refused(client)
    for pause in (FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S):
        clock.advance(pause)
        app.log.clear()
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(refused, client)
        assert len(app.log) == 1
    app.faults.clear()
    clock.advance(LONGEST_PAUSE_S)
    app.log.clear()
    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(ask, client)
    assert len(app.log) == 6


async def refused(client: RegistryClient) -> None:
    """Ask in vain."""
    with pytest.raises(RegistryUnavailable):
        await ask(client)


async def test_a_later_process_knows_that_the_registry_is_away(app: Controlled, clock: FakeClock) -> None:
    answers = MemoryAnswers()
    await ask(client_of(app, clock, answers=answers))
    fail(app, status=503)
    with pytest.raises(RegistryUnavailable):
        await ask(client_of(app, clock, answers=answers), "/servers/solo")
    app.log.clear()
    later = client_of(app, clock, answers=answers)
    old = await later.ask("/servers", as_it_is, what="servers")
    assert (old.value["pagination"]["currentPage"], app.log) == (1, [])
    assert old.problem is not None
    assert "asked again in" in old.problem.message


async def test_the_first_process_after_the_outage_finds_it_back_and_forgets_the_outage(
    app: Controlled, clock: FakeClock
) -> None:
    answers = MemoryAnswers()
    fail(app, status=503, times=3)
    with pytest.raises(RegistryUnavailable):
        await ask(client_of(app, clock, answers=answers))
    clock.advance(LONGEST_PAUSE_S)
    assert (await ask(client_of(app, clock, answers=answers)))["servers"]
    fail(app, status=503, times=3)
    with pytest.raises(RegistryUnavailable) as caught:
        await ask(client_of(app, clock, answers=answers), "/servers/solo")
    assert "since" not in caught.value.message  # a new outage, met just now


async def test_a_refused_key_is_not_told_to_the_next_process(app: Controlled, clock: FakeClock) -> None:
    answers = MemoryAnswers()
    with pytest.raises(RegistryUnauthorized):
        await ask(client_of(app, clock, answers=answers, api_key="sk-bad"))
    assert (await ask(client_of(app, clock, answers=answers)))["servers"]


async def test_trouble_with_one_question_does_not_keep_us_from_the_others(app: Controlled, clock: FakeClock) -> None:
    client = client_of(app, clock)
    for _ in range(SUSPICIONS + 2):
        fail(app, status=500, path="/servers/solo", headers={"x-should-retry": "false"}, times=1)
        with pytest.raises(RegistryUnavailable):
            await ask(client, "/servers/solo")
        assert (await ask(client))["servers"]


async def test_a_hurried_question_is_sent_once_when_the_registry_hangs(app: Controlled, clock: FakeClock) -> None:
    answers = MemoryAnswers()
    client = client_of(app, clock, answers=answers, timeout_s=0.1)
    await ask(client)
    fail(app, "slow", seconds=60)
    app.log.clear()
    with anyio.fail_after(10):
        old = await client.ask("/servers", as_it_is, what="servers")
        again = await client.ask("/servers", as_it_is, what="servers")
    assert [one.problem is not None for one in (old, again)] == [True, True]
    assert len(app.log) == 1


@pytest.mark.parametrize(("waited_s", "is_left_alone"), [(SLOW_S + 0.5, True), (SLOW_S - 0.5, False)])
async def test_a_question_that_was_given_up_for_slowness_counts_against_the_registry(
    app: Controlled, clock: FakeClock, waited_s: float, is_left_alone: bool
) -> None:
    answers = MemoryAnswers()
    fail(app, "slow", seconds=60, times=1)
    client = client_of(app, clock, answers=answers)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, client)
        while not app.log:
            await anyio.lowlevel.checkpoint()
        clock.advance(waited_s)
        tasks.cancel_scope.cancel()
    assert bool(answers.kept) is is_left_alone
    app.log.clear()
    if is_left_alone:
        await refused(client)
    else:
        await ask(client)
    assert bool(app.log) is not is_left_alone


@pytest.mark.parametrize("body", [{"error": "Not Found"}, "<html>Not Found</html>"])
async def test_a_404_where_the_api_should_be_is_trouble_and_old_answers_serve(
    app: Controlled, clock: FakeClock, body: object
) -> None:
    client = client_of(app, clock, answers=MemoryAnswers())
    await client.ask("/servers", as_it_is, what="servers", fixed=True)
    fail(app, status=404, body=body)
    old = await client.ask("/servers", as_it_is, what="servers", fixed=True)
    assert isinstance(old.problem, RegistryUnavailable)
    assert old.problem.message == "Smithery answered 404 Not Found where its API should be"
    assert old.problem.who == Who.PERSON


async def test_a_web_page_with_404_is_not_the_registrys_word_on_a_server(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=404, body="<html>Not Found</html>")
    await refused(client_of(app, clock))


async def test_two_registries_behind_one_address_have_an_outage_each(app: Controlled, clock: FakeClock) -> None:
    answers = MemoryAnswers()
    fail(app, status=503, times=3)
    await refused(client_of(app, clock, answers=answers))
    assert await ask(client_of(app, clock, answers=answers, label="The other"))
