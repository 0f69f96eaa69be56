"""The state table, line by line and under any sequence of events."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.supervisor.lifecycle import IGNORED, TABLE, Action, Event, Lifecycle, State


def test_every_event_in_every_state_has_a_row_or_a_reason() -> None:
    pairs = [(state, event) for state in State for event in Event]
    assert len(pairs) == 60
    for state, event in pairs:
        assert (event in TABLE[state]) != (event in IGNORED[state]), (state, event)


def test_an_ignored_event_changes_nothing() -> None:
    life = Lifecycle()
    assert life.handle(Event.DELAY_PASSED) == []
    assert life.state is State.STOPPED


def test_a_wanted_server_is_spawned_advertised_and_stopped() -> None:
    life = Lifecycle()
    assert life.handle(Event.WANTED) == [Action.SPAWN]
    assert life.handle(Event.HANDSHAKEN) == [Action.ADVERTISE]
    assert life.handle(Event.UNWANTED) == [Action.WITHDRAW, Action.STOP]
    assert life.handle(Event.EXITED_UNWANTED) == []
    assert life.state is State.STOPPED


def test_a_planned_end_is_followed_by_a_start_at_once() -> None:
    life = ready()
    life.handle(Event.UNHEALTHY)
    assert life.handle(Event.EXITED_AGAIN) == [Action.SPAWN]
    assert life.state is State.STARTING


def test_a_crash_backs_off_and_comes_back() -> None:
    life = ready()
    assert life.handle(Event.EXITED_RETRY) == [Action.WITHDRAW, Action.SCHEDULE_RESTART]
    assert life.state is State.BACKOFF
    assert life.handle(Event.DELAY_PASSED) == [Action.SPAWN]
    assert life.state is State.STARTING


def test_a_crash_loop_gives_up_and_is_tried_again_when_due() -> None:
    life = Lifecycle()
    life.handle(Event.WANTED)
    assert life.handle(Event.EXITED_GAVE_UP) == [Action.SCHEDULE_RETRY]
    assert life.state is State.FAILED
    assert life.handle(Event.RETRY_DUE) == [Action.SPAWN]


def test_a_person_may_start_a_failed_server_at_once() -> None:
    life = Lifecycle()
    life.handle(Event.WANTED)
    life.handle(Event.EXITED_GAVE_UP)
    assert life.handle(Event.WANTED) == [Action.CANCEL_TIMER, Action.SPAWN]


def test_an_unhealthy_child_is_stopped_and_comes_back_by_back_off() -> None:
    life = ready()
    assert life.handle(Event.UNHEALTHY) == [Action.WITHDRAW, Action.STOP]
    assert life.handle(Event.WANTED) == []
    assert life.handle(Event.EXITED_RETRY) == [Action.SCHEDULE_RESTART]
    assert life.state is State.BACKOFF


@pytest.mark.parametrize("event", [Event.EXITED_RETRY, Event.EXITED_GAVE_UP])
def test_an_unwanted_server_cancels_its_timer(event: Event) -> None:
    life = ready()
    life.handle(event)
    assert life.handle(Event.UNWANTED) == [Action.CANCEL_TIMER]
    assert life.state is State.STOPPED


def ready() -> Lifecycle:
    life = Lifecycle()
    life.handle(Event.WANTED)
    life.handle(Event.HANDSHAKEN)
    return life


class AnyEvents(RuleBasedStateMachine):
    """A driver that does what it is told, in a world where anything happens at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Lifecycle()
        self.processes = 0
        self.advertised = False
        self.timers = 0
        self.stopping = False

    def fire(self, event: Event) -> None:
        for action in self.life.handle(event):
            match action:
                case Action.SPAWN:
                    self.processes += 1
                case Action.ADVERTISE:
                    assert not self.advertised
                    self.advertised = True
                case Action.WITHDRAW:
                    assert self.advertised
                    self.advertised = False
                case Action.STOP:
                    assert self.processes == 1
                    self.stopping = True
                case Action.SCHEDULE_RESTART | Action.SCHEDULE_RETRY:
                    self.timers += 1
                case Action.CANCEL_TIMER:
                    self.timers -= 1

    @rule(event=st.sampled_from([Event.WANTED, Event.UNWANTED, Event.UNHEALTHY]))
    def anything(self, event: Event) -> None:
        self.fire(event)

    @precondition(lambda self: self.processes == 1)
    @rule()
    def shake_hands(self) -> None:
        self.fire(Event.HANDSHAKEN)

    @precondition(lambda self: self.processes == 1)
    @rule(event=st.sampled_from([event for event in Event if event.name.startswith("EXITED")]))
    def exit(self, event: Event) -> None:
        self.processes, self.stopping = 0, False
        self.fire(event)

    @rule(event=st.sampled_from([Event.DELAY_PASSED, Event.RETRY_DUE]))
    def timer(self, event: Event) -> None:
        due = {Event.DELAY_PASSED: State.BACKOFF, Event.RETRY_DUE: State.FAILED}[event]
        if self.life.state is due:
            self.timers -= 1
        self.fire(event)

    @invariant()
    def one_process_at_most_and_only_where_it_may_be(self) -> None:
        alive = self.life.state in (State.STARTING, State.READY, State.STOPPING)
        assert self.processes == int(alive)

    @invariant()
    def advertised_exactly_while_ready(self) -> None:
        assert self.advertised == (self.life.state is State.READY)

    @invariant()
    def one_timer_exactly_while_waiting(self) -> None:
        assert self.timers == int(self.life.state in (State.BACKOFF, State.FAILED))

    @invariant()
    def a_stop_is_under_way_exactly_while_stopping(self) -> None:
        assert self.stopping == (self.life.state is State.STOPPING)


test_any_events = AnyEvents.TestCase
