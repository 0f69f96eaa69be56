"""Tools that cannot be called now."""

from __future__ import annotations

import pytest

from gateway.facts import BreakerMoved, Fact, ServerForgotten, StateChanged
from gateway.learning.outages import Outages
from gateway.model import ServerName, ToolCard

CARDS = {card.id: card for card in (ToolCard("a__x", "x", server="a"), ToolCard("a__y", "y", server="a"))}
A = ServerName("a")


def moved(tool: str | None, state: str, retry_s: float | None = None) -> BreakerMoved:
    return BreakerMoved(0.0, A, tool, state, "failed 5 times in a row", retry_s)


def state(state: str) -> StateChanged:
    return StateChanged(0.0, A, state, "unhealthy", "gave up")


def out(*facts: Fact, now: float = 0.0) -> dict[str, str]:
    """What is out at `now` after these facts, heard at 0."""
    outages = Outages()
    for fact in facts:
        outages.heard(fact, 0.0)
    return outages.of(CARDS, now)


def test_an_open_breaker_of_a_tool_is_that_tools_alone() -> None:
    assert out(moved("x", "open", 30.0)) == {"a__x": "held back: failed 5 times in a row"}


def test_an_open_breaker_of_the_server_is_all_its_tools() -> None:
    assert set(out(moved(None, "open", 30.0))) == {"a__x", "a__y"}


@pytest.mark.parametrize("after", ["half_open", "closed"])
def test_what_is_tried_again_or_works_is_back(after: str) -> None:
    assert out(moved("x", "open", 30.0), moved("x", after)) == {}


def test_the_pause_of_a_breaker_passes_by_itself() -> None:
    assert (len(out(moved("x", "open", 30.0), now=29.9)), out(moved("x", "open", 30.0), now=30.0)) == (1, {})


def test_a_server_that_gave_up_is_out_until_it_is_started() -> None:
    assert out(state("failed"), now=1e9)["a__x"] == "its server has failed: gave up"
    assert out(state("failed"), state("starting")) == {}


def test_back_off_passes_so_quickly_that_nothing_is_reordered() -> None:
    assert out(state("backoff")) == {}


def test_a_server_that_is_forgotten_takes_all_of_it_along() -> None:
    assert out(moved("x", "open", 30.0), state("failed"), ServerForgotten(0.0, A)) == {}


def test_a_tool_of_another_server_is_not_meant() -> None:
    outages = Outages()
    outages.heard(moved("x", "open", 30.0), 0.0)
    assert outages.of({"b__x": ToolCard("b__x", "x", server="b")}, 0.0) == {}
