"""Who may see the page: a signed cookie with an end, and a bound on failed logins. No I/O of its own."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from gateway.clock import Clock

COOKIE = "mcp_gateway_ui"
COOKIE_PATH = "/ui"
LIFETIME_S = 12 * 3600
FAILURES_ALLOWED = 10
FAILURES_WINDOW_S = 60.0


def _no_generation() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class UiKeys:
    """What the daemon gives the page: a signing key, the test of an admin token, a clock.

    `generation` changes when the admin token does (its hash will do); cookies of another generation are void.
    """

    key: bytes
    is_admin_token: Callable[[str], bool]
    clock: Clock
    generation: Callable[[], str] = _no_generation

    def make_cookie(self) -> str:
        """Return a fresh cookie value: expiry.signature."""
        expiry = str(int(self.clock.wall()) + LIFETIME_S)
        return f"{expiry}.{self._signature(expiry)}"

    def cookie_ok(self, value: str) -> bool:
        """Say whether a cookie is ours and has not expired."""
        expiry, _, signature = value.partition(".")
        if not (expiry.isascii() and expiry.isdigit() and len(expiry) <= 12 and signature.isascii()):
            return False
        return hmac.compare_digest(signature, self._signature(expiry)) and int(expiry) > self.clock.wall()

    def _signature(self, expiry: str) -> str:
        message = f"ui\x1f{expiry}\x1f{self.generation()}".encode()
        return hmac.new(self.key, message, hashlib.sha256).hexdigest()


class LoginThrottle:
    """At most ten failed logins a minute, whoever tries: behind a proxy all callers look alike."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: list[float] = []

    def wait_s(self) -> float:
        """Say how long nobody may try; 0 when one may."""
        now = self._clock.now()
        self._failures = [at for at in self._failures if now - at < FAILURES_WINDOW_S]
        if len(self._failures) < FAILURES_ALLOWED:
            return 0.0
        return self._failures[0] + FAILURES_WINDOW_S - now

    def failed(self) -> None:
        """Count a wrong token."""
        self._failures.append(self._clock.now())
