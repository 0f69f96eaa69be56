"""Replay to steps to snapshots."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gateway.learning.network import GROWTH
from gateway.learning.policy import rank
from gateway.learning.reward import Lesson
from gateway.learning.roster import Roster
from gateway.learning.trainer import Trainer, TrainingRules
from gateway.model import ToolCard

CARDS = [
    ToolCard("clock", "current_time", "Tell the time anywhere."),
    ToolCard("post", "send_mail", "Send a message to somebody."),
    ToolCard("disk", "rename_file", "Rename a document in a folder."),
]
RIGHT = Lesson(1.0, 1.0, 1.0)
WRONG = Lesson(0.0, 1.0, 0.0)


def _roster() -> Roster:
    roster = Roster()
    roster.add(CARDS)
    return roster


def _trained(bursts: int = 12, seed: int = 0) -> tuple[Roster, Trainer]:
    roster, trainer = _roster(), Trainer(TrainingRules(batch=32, seed=seed))
    for query, right, wrong in (("ping grandma", "post", "clock"), ("tidy up papers", "disk", "post")):
        trainer.add(roster, roster.evidence(query), right, RIGHT)
        trainer.add(roster, roster.evidence(query), wrong, WRONG)
    for _ in range(bursts):
        trainer.burst()
    return roster, trainer


def _best(roster: Roster, trainer: Trainer, query: str) -> str:
    snapshot = trainer.snapshot(roster)
    return roster.ids[
        int(rank(roster, snapshot, roster.evidence(query), roster.families, np.ones(len(roster))).order[0])
    ]


def test_it_learns_words_that_no_description_holds() -> None:
    roster, trainer = _trained()
    assert _best(roster, trainer, "ping grandma") == "post"
    assert _best(roster, trainer, "tidy papers up") == "disk"


def test_the_loss_falls() -> None:
    roster, trainer = _trained(bursts=1)
    first = trainer.metrics["loss"]
    for _ in range(20):
        trainer.burst()
    assert trainer.metrics["loss"] < 0.5 * first
    assert roster.family_count == 3


def test_metrics_are_finite_numbers() -> None:
    _, trainer = _trained(bursts=2)
    assert set(trainer.metrics) == {"loss", "grad_norm", "entropy", "ece"}
    assert all(np.isfinite(value) for value in trainer.metrics.values())
    assert 0.0 <= trainer.metrics["ece"] <= 1.0


def test_an_empty_replay_trains_nothing() -> None:
    trainer = Trainer(TrainingRules())
    assert trainer.burst() == {}
    assert trainer.bursts == 0


def test_the_numpy_snapshot_equals_the_torch_forward() -> None:
    roster, trainer = _trained()
    for query in ("ping grandma", "rename a document", "what time", "zzz"):
        evidence = roster.evidence(query)
        network = trainer.network
        with torch.no_grad():
            queries = network.query_vectors(
                torch.from_numpy(evidence.features.astype(np.int64)),
                torch.from_numpy(evidence.weights),
                torch.tensor([0]),
                None,
            )
            by_family = roster.family_max(evidence.lexical)
            expected = network(queries, torch.from_numpy(by_family[None].astype(np.float32)), None)[0].numpy()
        found = trainer.snapshot(roster).logits(evidence, roster.families)
        assert np.allclose(found, expected[roster.families], atol=1e-4)


def test_the_same_seed_gives_the_same_weights() -> None:
    one, other = _trained()[1], _trained()[1]
    assert torch.equal(one.network.rows, other.network.rows)
    assert not torch.equal(_trained(seed=1)[1].network.rows, one.network.rows)


def test_a_restored_trainer_goes_on_bit_for_bit() -> None:
    roster, trainer = _trained(bursts=3)
    again = Trainer(TrainingRules(batch=32))
    again.restore(*trainer.state())
    for one in (trainer, again):
        one.add(roster, roster.evidence("ping uncle"), "post", RIGHT)
        one.burst()
        one.burst()
    assert torch.equal(trainer.network.features, again.network.features)
    assert torch.equal(trainer.network.rows, again.network.rows)
    assert again.metrics == trainer.metrics


def test_more_tools_than_room_keep_what_was_learned() -> None:
    roster, trainer = _trained()
    before = trainer.snapshot(roster)
    trainer.cover(GROWTH + 10)
    assert trainer.network.room() == 2 * GROWTH
    after = trainer.snapshot(roster)
    assert np.array_equal(after.rows[:3], before.rows)
    trainer.burst()
    assert _best(roster, trainer, "ping grandma") == "post"


def test_tools_that_came_later_are_not_pushed_down_at_once() -> None:
    roster, trainer = _trained()
    roster.add([ToolCard("new", "fly_kite", "Let a kite fly.")])
    trainer.cover(roster.family_count)
    for _ in range(5):
        trainer.add(roster, roster.evidence("ping grandma"), "post", RIGHT)
    trainer.burst()
    new = int(roster.families[roster.position("new")])
    assert bool(trainer.young()[new])
    assert float(trainer.network.bias[new].detach()) == 0.0


def test_a_batch_that_is_not_finite_changes_nothing() -> None:
    roster, trainer = _trained(bursts=2)
    before = trainer.network.rows.detach().clone()
    trainer.add(roster, roster.evidence("ping grandma"), "post", Lesson(1.0, float("nan"), 0.0))
    trainer.burst(steps=40)
    assert torch.isfinite(trainer.network.rows).all()
    assert before.shape == trainer.network.rows.shape


def test_only_the_statically_best_families_are_kept_of_a_large_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.learning.trainer.CANDIDATES", 2)
    roster, trainer = _roster(), Trainer(TrainingRules())
    trainer.add(roster, roster.evidence("tell the time"), "disk", RIGHT)
    (example,) = list(trainer.replay)
    assert int(roster.families[roster.position("disk")]) in example.rows
    assert int(roster.families[roster.position("clock")]) in example.rows
