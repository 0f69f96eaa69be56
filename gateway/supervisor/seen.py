"""`Seen`: what everybody may read of a child, beside its state: process, figures, history. It changes nothing."""

from __future__ import annotations

from gateway.clock import Clock
from gateway.model import ServerSpec
from gateway.protocol.handshake import Agreed
from gateway.supervisor.calls.traffic import Traffic
from gateway.supervisor.deaths import Deaths, LastExit
from gateway.supervisor.health.verdict import Health
from gateway.supervisor.lives import Lives
from gateway.supervisor.processes.ring import LineRing
from gateway.supervisor.timer import Timer


class Seen:
    """The readable side of a `Child`, which alone makes and changes it."""

    def __init__(self, spec: ServerSpec, instance: str, *, clock: Clock, lives: Lives, traffic: Traffic) -> None:
        self.spec, self.instance = spec, instance
        self.in_flight = self.traffic = traffic
        self.health = Health.HEALTHY
        self.reason = "not started yet"
        self._clock = clock
        self._lives = lives
        self._retry = Timer(clock)
        self._ready_at: float | None = None

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        life = self._lives.present
        return life.connection.pid if life is not None else None

    @property
    def agreed(self) -> Agreed | None:
        """What it speaks, while it is connected."""
        life = self._lives.present
        return life.agreed if life is not None else None

    @property
    def skipped_tools(self) -> int:
        """How many entries of its last tool list were no tools."""
        life = self._lives.present
        return life.skipped_tools if life is not None else 0

    @property
    def uptime_s(self) -> float | None:
        """Seconds since it became ready."""
        return None if self._ready_at is None else self._clock.now() - self._ready_at

    @property
    def next_retry_s(self) -> float | None:
        """Seconds until it is started again by itself."""
        return self._retry.left_s

    @property
    def last_exit(self) -> LastExit | None:
        """How it ended the last time."""
        return self.deaths.last

    @property
    def deaths(self) -> Deaths:
        """How it ended before, and what it was started again for."""
        return self._lives.deaths

    @property
    def starts(self) -> int:
        """How often it was started."""
        return self._lives.starts

    @property
    def stderr(self) -> LineRing:
        """The newest lines it wrote to stderr."""
        return self._lives.stderr

    @property
    def noise(self) -> int:
        """How many messages made no sense, over all its lives."""
        return self._lives.noise
