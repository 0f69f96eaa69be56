"""The cookie and the bound on logins."""

from __future__ import annotations

from typing import Any

from gateway.admin.web.session import FAILURES_ALLOWED, FAILURES_WINDOW_S, LIFETIME_S, LoginThrottle, UiKeys
from tests.admin.fakes import ui_keys
from tests.fakes import FakeClock


def test_a_cookie_ends_by_the_clock(clock: FakeClock) -> None:
    keys = ui_keys(clock)
    cookie = keys.make_cookie()
    clock.advance(LIFETIME_S - 1)
    before = keys.cookie_ok(cookie)
    clock.advance(1)

    assert (before, keys.cookie_ok(cookie)) == (True, False)


def test_a_forged_cookie_is_refused(clock: FakeClock) -> None:
    expiry, _, signature = ui_keys(clock).make_cookie().partition(".")
    other_key = UiKeys(b"o" * 32, lambda _: True, clock).make_cookie()
    forged: list[Any] = [
        f"{int(expiry) + 1}.{signature}", f"{expiry}.{signature[:-1]}", f"{expiry}.", expiry, "", "x.y",
        f".{signature}", f"-1.{signature}", f"{'9' * 400}.{signature}", f"{expiry}.ü", other_key,
    ]  # fmt: skip

    assert [cookie for cookie in forged if ui_keys(clock).cookie_ok(cookie)] == []


def test_a_new_admin_token_ends_old_cookies(clock: FakeClock) -> None:
    generation = ["one"]
    keys = UiKeys(b"k" * 32, lambda _: True, clock, generation=lambda: generation[0])
    cookie = keys.make_cookie()
    generation[0] = "two"

    assert not keys.cookie_ok(cookie)


def test_failures_are_forgotten_one_by_one(clock: FakeClock) -> None:
    throttle = LoginThrottle(clock)
    for _ in range(FAILURES_ALLOWED):
        throttle.failed()
        clock.advance(1)

    assert throttle.wait_s() == FAILURES_WINDOW_S - FAILURES_ALLOWED
