"""What is remembered of a registry between processes."""

from __future__ import annotations

from random import Random

from gateway.discovery.asking.breaker import Breaker
from gateway.discovery.asking.memory import Memory
from gateway.errors import RegistryUnauthorized, RegistryUnavailable, StoreError
from tests.discovery.support import MemoryAnswers
from tests.fakes import FakeClock

BASE = "https://api.example"


class BrokenAnswers:
    """A store whose file is damaged."""

    async def put_answer(self, key: str, body: bytes, at: float, etag: str | None) -> None:
        """Fail."""
        raise StoreError("damaged")

    async def answer(self, key: str) -> tuple[bytes, float, str | None] | None:
        """Fail."""
        raise StoreError("damaged")


def tripped(clock: FakeClock, *, key_refused: bool = False) -> Breaker:
    """A breaker that is open."""
    breaker, now, wall = Breaker(Random(1)), clock.now(), clock.wall()
    if key_refused:
        breaker.leave_alone(RegistryUnauthorized("401"), 600, now=now, wall=wall)
    else:
        breaker.failed(RegistryUnavailable("down"), now=now, wall=wall, whole=True)
    return breaker


async def test_without_a_store_nothing_is_remembered(clock: FakeClock) -> None:
    memory = Memory(None, BASE, clock)
    await memory.keep("u", b"x", 1.0, None)
    await memory.keep_outage(tripped(clock).outage)
    assert (await memory.answer("u"), await memory.outage()) == (None, None)


async def test_a_store_that_is_broken_costs_no_answer(clock: FakeClock) -> None:
    memory = Memory(BrokenAnswers(), BASE, clock)
    await memory.keep("u", b"x", 1.0, None)
    await memory.keep_outage(tripped(clock).outage)
    assert (await memory.answer("u"), await memory.outage()) == (None, None)


async def test_answers_come_back_as_they_were(clock: FakeClock) -> None:
    answers = MemoryAnswers()
    await Memory(answers, BASE, clock).keep("u", b"x", 1.0, '"tag"')
    known = await Memory(answers, BASE, clock).answer("u")
    assert known is not None
    assert (known.body, known.at, known.etag) == (b"x", 1.0, '"tag"')


async def test_an_outage_is_known_to_the_next_process_until_it_is_over(clock: FakeClock) -> None:
    answers = MemoryAnswers()
    first = Memory(answers, BASE, clock)
    await first.keep_outage(tripped(clock).outage)
    second = Memory(answers, BASE, clock)
    found = await second.outage()
    assert found is not None
    assert found.error.message == "down"
    await second.keep_outage(None)
    assert await Memory(answers, BASE, clock).outage() is None


async def test_another_address_is_another_registry(clock: FakeClock) -> None:
    answers = MemoryAnswers()
    await Memory(answers, BASE, clock).keep_outage(tripped(clock).outage)
    assert await Memory(answers, "https://mirror.example", clock).outage() is None


async def test_nothing_is_written_while_all_is_well_nor_for_a_refused_key(clock: FakeClock) -> None:
    answers = MemoryAnswers()
    memory = Memory(answers, BASE, clock)
    await memory.keep_outage(None)
    await memory.keep_outage(tripped(clock, key_refused=True).outage)
    assert answers.kept == {}


async def test_a_row_that_is_not_ours_says_nothing(clock: FakeClock) -> None:
    answers = MemoryAnswers()
    await answers.put_answer(f"breaker:{BASE}", b"<html>", 1.0, None)
    assert await Memory(answers, BASE, clock).outage() is None
