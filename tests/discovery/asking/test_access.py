"""How a registry may be asked."""

from __future__ import annotations

from gateway.discovery.asking.access import CONNECT_S, HURRIED_CONNECT_S, HURRIED_S, Access


def test_an_old_answer_at_hand_makes_every_bound_shorter() -> None:
    access = Access("Smithery", "https://x", timeout_s=20, retry_cap_s=30)
    assert access.deadline_s == 50
    assert (access.timeout_of(hurried=False), access.timeout_of(hurried=True)) == (20, HURRIED_S)
    assert (access.connect_of(hurried=False), access.connect_of(hurried=True)) == (CONNECT_S, HURRIED_CONNECT_S)


def test_a_short_time_out_of_the_operator_bounds_them_all() -> None:
    access = Access("Smithery", "https://x", timeout_s=0.5)
    assert {access.timeout_of(hurried=True), access.connect_of(hurried=False), access.connect_of(hurried=True)} == {0.5}


def test_neither_key_nor_headers_show_in_its_text() -> None:
    shown = repr(Access("Smithery", "https://x", api_key="sk-secret", headers={"x-proxy": "pass-word"}))
    assert "sk-secret" not in shown
    assert "pass-word" not in shown
