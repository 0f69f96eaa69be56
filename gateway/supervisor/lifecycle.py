"""The state table of one child: the only place where a state changes. No I/O, no clock.

The verdict on an exit (try again, give up, leave it) is part of the event, so the table is the whole truth.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """What the process is."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    BACKOFF = "backoff"
    FAILED = "failed"


class Event(StrEnum):
    """What happened to it, or was asked of it."""

    WANTED = "wanted"
    UNWANTED = "unwanted"
    HANDSHAKEN = "handshaken"
    UNHEALTHY = "unhealthy"  # it has to end: no sign of life, or somebody else's reason
    EXITED_RETRY = "exited_retry"
    EXITED_GAVE_UP = "exited_gave_up"
    EXITED_UNWANTED = "exited_unwanted"
    EXITED_AGAIN = "exited_again"  # as planned: it is started anew at once
    DELAY_PASSED = "delay_passed"
    RETRY_DUE = "retry_due"


class Action(StrEnum):
    """What its driver has to do now."""

    SPAWN = "spawn"
    ADVERTISE = "advertise"  # the upstream exists from here on
    WITHDRAW = "withdraw"  # ... and no longer
    STOP = "stop"  # begin the stop ladder
    SCHEDULE_RESTART = "schedule_restart"
    SCHEDULE_RETRY = "schedule_retry"
    CANCEL_TIMER = "cancel_timer"


_S, _E, _A = State, Event, Action
Row = tuple[State, tuple[Action, ...]]

TABLE: Final[dict[State, dict[Event, Row]]] = {
    _S.STOPPED: {
        _E.WANTED: (_S.STARTING, (_A.SPAWN,)),
    },
    _S.STARTING: {
        _E.HANDSHAKEN: (_S.READY, (_A.ADVERTISE,)),
        _E.UNWANTED: (_S.STOPPING, (_A.STOP,)),
        _E.UNHEALTHY: (_S.STOPPING, (_A.STOP,)),
        _E.EXITED_RETRY: (_S.BACKOFF, (_A.SCHEDULE_RESTART,)),
        _E.EXITED_GAVE_UP: (_S.FAILED, (_A.SCHEDULE_RETRY,)),
        _E.EXITED_UNWANTED: (_S.STOPPED, ()),
        _E.EXITED_AGAIN: (_S.STARTING, (_A.SPAWN,)),
    },
    _S.READY: {
        _E.UNWANTED: (_S.STOPPING, (_A.WITHDRAW, _A.STOP)),
        _E.UNHEALTHY: (_S.STOPPING, (_A.WITHDRAW, _A.STOP)),
        _E.EXITED_RETRY: (_S.BACKOFF, (_A.WITHDRAW, _A.SCHEDULE_RESTART)),
        _E.EXITED_GAVE_UP: (_S.FAILED, (_A.WITHDRAW, _A.SCHEDULE_RETRY)),
        _E.EXITED_UNWANTED: (_S.STOPPED, (_A.WITHDRAW,)),
        _E.EXITED_AGAIN: (_S.STARTING, (_A.WITHDRAW, _A.SPAWN)),
    },
    _S.STOPPING: {
        _E.EXITED_RETRY: (_S.BACKOFF, (_A.SCHEDULE_RESTART,)),
        _E.EXITED_GAVE_UP: (_S.FAILED, (_A.SCHEDULE_RETRY,)),
        _E.EXITED_UNWANTED: (_S.STOPPED, ()),
        _E.EXITED_AGAIN: (_S.STARTING, (_A.SPAWN,)),
    },
    _S.BACKOFF: {
        _E.DELAY_PASSED: (_S.STARTING, (_A.SPAWN,)),
        _E.UNWANTED: (_S.STOPPED, (_A.CANCEL_TIMER,)),
    },
    _S.FAILED: {
        _E.WANTED: (_S.STARTING, (_A.CANCEL_TIMER, _A.SPAWN)),
        _E.RETRY_DUE: (_S.STARTING, (_A.SPAWN,)),
        _E.UNWANTED: (_S.STOPPED, (_A.CANCEL_TIMER,)),
    },
}
"""Events without a row change nothing; `IGNORED` says why for each of them."""

IGNORED: Final[dict[State, dict[Event, str]]] = {
    _S.STOPPED: {
        _E.UNWANTED: "it is stopped already",
        _E.HANDSHAKEN: "raced with the stop",
        _E.UNHEALTHY: "raced with the stop",
        _E.EXITED_RETRY: "no process is left to exit",
        _E.EXITED_GAVE_UP: "no process is left to exit",
        _E.EXITED_UNWANTED: "no process is left to exit",
        _E.EXITED_AGAIN: "no process is left to exit",
        _E.DELAY_PASSED: "a stale timer",
        _E.RETRY_DUE: "a stale timer",
    },
    _S.STARTING: {
        _E.WANTED: "it is on its way",
        _E.DELAY_PASSED: "a stale timer",
        _E.RETRY_DUE: "a stale timer",
    },
    _S.READY: {
        _E.WANTED: "it is there",
        _E.HANDSHAKEN: "once is enough",
        _E.DELAY_PASSED: "a stale timer",
        _E.RETRY_DUE: "a stale timer",
    },
    _S.STOPPING: {
        _E.WANTED: "the verdict on its exit will say so: the ladder is not interrupted",
        _E.UNWANTED: "the verdict on its exit will say so",
        _E.HANDSHAKEN: "raced with the stop",
        _E.UNHEALTHY: "it is being stopped already",
        _E.DELAY_PASSED: "a stale timer",
        _E.RETRY_DUE: "a stale timer",
    },
    _S.BACKOFF: {
        _E.WANTED: "wanting it more does not shorten the back-off",
        _E.HANDSHAKEN: "raced with the exit",
        _E.UNHEALTHY: "raced with the exit",
        _E.EXITED_RETRY: "one exit is reported once",
        _E.EXITED_GAVE_UP: "one exit is reported once",
        _E.EXITED_UNWANTED: "one exit is reported once",
        _E.EXITED_AGAIN: "one exit is reported once",
        _E.RETRY_DUE: "a stale timer",
    },
    _S.FAILED: {
        _E.HANDSHAKEN: "raced with the exit",
        _E.UNHEALTHY: "raced with the exit",
        _E.EXITED_RETRY: "one exit is reported once",
        _E.EXITED_GAVE_UP: "one exit is reported once",
        _E.EXITED_UNWANTED: "one exit is reported once",
        _E.EXITED_AGAIN: "one exit is reported once",
        _E.DELAY_PASSED: "a stale timer",
    },
}


class Lifecycle:
    """One child's state."""

    def __init__(self) -> None:
        self._state = State.STOPPED

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._state

    def handle(self, event: Event) -> list[Action]:
        """Move along the table and return what to do now."""
        row = TABLE[self._state].get(event)
        if row is None:
            return []
        self._state, actions = row
        return list(actions)
