from __future__ import annotations

from gateway.daemon.bus import Bus
from gateway.facts import Fact, ServerForgotten
from gateway.model import ServerName

FACT = ServerForgotten(at=1.0, server=ServerName("a"))


def test_every_listener_gets_every_fact_in_order() -> None:
    bus, first, second = Bus(), list[Fact](), list[Fact]()
    bus.subscribe(first.append)
    bus.subscribe(second.append)
    bus.publish(FACT)
    assert first == second == [FACT]


def test_a_listener_that_fails_neither_fails_the_publisher_nor_the_next_listener() -> None:
    bus, heard = Bus(), list[Fact]()

    def broken(fact: Fact) -> None:
        raise ValueError(fact)

    bus.subscribe(broken)
    bus.subscribe(heard.append)
    bus.publish(FACT)
    assert heard == [FACT]
