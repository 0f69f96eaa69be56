"""What is wanted and not here yet."""

from __future__ import annotations

from gateway.daemon.pending import Pending


def test_each_server_has_one_row_until_it_is_here() -> None:
    pending = Pending()
    pending.step("b", "npm:b@1.0.0", "lock: resolving")
    pending.step("a", "npm:a@1.0.0", "waiting for its turn")
    pending.failed("b", "npm:b@1.0.0", "npm does not answer", "Check the network.")
    assert [(row["name"], row["state"], row["fix"]) for row in pending.rows()] == [
        ("a", "installing", ""),
        ("b", "failed", "Check the network."),
    ]
    pending.done("a")
    pending.done("a")
    assert [row["name"] for row in pending.rows()] == ["b"]


def test_what_nobody_wants_any_more_is_forgotten() -> None:
    pending = Pending()
    pending.step("a", "npm:a@1.0.0", "")
    pending.step("b", "npm:b@1.0.0", "")
    pending.keep({"b", "c"})
    assert [row["name"] for row in pending.rows()] == ["b"]
