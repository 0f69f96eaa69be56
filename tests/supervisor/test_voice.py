"""Who of two children of one server is heard."""

from __future__ import annotations

from gateway.facts import ChildExited, Fact, ServerForgotten
from gateway.model import ServerName
from gateway.supervisor.voice import Voice, deaths_alone


def fact(at: float) -> Fact:
    return ServerForgotten(at, ServerName("echo"))


def test_what_is_heard_passes_at_once() -> None:
    heard: list[Fact] = []
    Voice(heard.append, is_heard=True)(fact(1))
    assert heard == [fact(1)]


def test_what_is_not_heard_yet_comes_in_its_order_before_anything_newer() -> None:
    heard: list[Fact] = []
    voice = Voice(heard.append, is_heard=False)
    voice(fact(1))
    voice(fact(2))
    assert heard == []
    voice.speak()
    voice(fact(3))
    assert heard == [fact(1), fact(2), fact(3)]


def test_who_was_hushed_is_never_heard_again() -> None:
    heard: list[Fact] = []
    voice = Voice(heard.append, is_heard=False)
    voice(fact(1))
    voice.hush()
    voice.speak()
    voice(fact(2))
    assert heard == []


def test_of_an_instance_only_its_ends_are_told() -> None:
    heard: list[Fact] = []
    tell = deaths_alone(heard.append)
    end = ChildExited(1.0, ServerName("echo"), 1, None, "ended")
    for each in (fact(0), end, fact(2)):
        tell(each)
    assert heard == [end]
