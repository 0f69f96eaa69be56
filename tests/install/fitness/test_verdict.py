"""Verdicts from checks."""

from __future__ import annotations

from gateway.install.fitness.verdict import Topic, failed, ok, unknown, verdict_of, warning


def test_warnings_and_unknowns_stand_in_nobodys_way() -> None:
    checks = [ok(Topic.SIZE, "a"), warning(Topic.TOOLS, "b", "c"), unknown(Topic.PROTOCOL, "d")]
    assert verdict_of(checks).compatible is True


def test_one_failed_check_is_enough_and_each_reason_is_told_once_with_its_fix() -> None:
    verdict = verdict_of(
        [failed(Topic.RUNTIME, "no node", "Install it."), failed(Topic.SIZE, "no node", "Install it.")]
    )
    assert (verdict.compatible, verdict.reasons, verdict.fixes) == (False, ["no node"], ["Install it."])


def test_a_check_is_plain_json() -> None:
    assert warning(Topic.TOOLS, "many", "Hide some.").to_json() == {
        "what": "tools",
        "state": "warning",
        "message": "many",
        "fix": "Hide some.",
    }
