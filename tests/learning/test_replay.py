"""The ring of lessons."""

from __future__ import annotations

import numpy as np

from gateway.learning.replay import RECENT, Example, Replay


def _example(target: int, *, dense: bool = False) -> Example:
    rows = np.arange(3, dtype=np.int32)
    return Example(
        features=np.array([target, 7], np.int32),
        weights=np.array([0.6, 0.8], np.float32),
        vector=np.full(2, target, np.float32) if dense else None,
        rows=rows,
        lexical=np.full(3, target / 10, np.float16),
        dense=np.full(3, -target / 10, np.float16) if dense else None,
        target=target,
        useful=None if target % 2 else 1.0,
        weight=1.0,
        chosen=0.5,
    )


def _targets(replay: Replay) -> list[int]:
    return [example.target for example in replay]


def test_a_full_ring_forgets_the_oldest() -> None:
    replay = Replay(3)
    for target in range(5):
        replay.add(_example(target))
    assert _targets(replay) == [2, 3, 4]


def test_part_of_a_batch_is_recent() -> None:
    replay = Replay(RECENT * 10)
    for target in range(RECENT * 10):
        replay.add(_example(target))
    batch = replay.sample(1000, np.random.default_rng(1))
    recent = sum(example.target >= RECENT * 9 for example in batch)
    assert 320 < recent < 430


def test_a_restored_ring_samples_the_same_batches() -> None:
    replay, again = Replay(4), Replay(4)
    for target in range(7):
        replay.add(_example(target, dense=True))
    again.restore(*replay.state())
    one = replay.sample(16, np.random.default_rng(3))
    other = again.sample(16, np.random.default_rng(3))
    assert [e.target for e in one] == [e.target for e in other]
    assert all(np.array_equal(a.lexical, b.lexical) for a, b in zip(one, other, strict=True))
    assert all(a.useful == b.useful and a.chosen == b.chosen for a, b in zip(one, other, strict=True))
    assert all(np.array_equal(a.vector, b.vector) for a, b in zip(one, other, strict=True))


def test_a_restored_ring_forgets_in_the_same_order() -> None:
    replay, again = Replay(3), Replay(3)
    for target in range(5):
        replay.add(_example(target))
    again.restore(*replay.state())
    for ring in (replay, again):
        ring.add(_example(9))
    assert _targets(again) == _targets(replay) == [3, 4, 9]
