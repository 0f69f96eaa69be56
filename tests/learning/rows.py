"""Experience as the store would hand it out: made by agents in a tiny world, and a reader of it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from gateway.model import ToolCard
from gateway.store.experience import ExperienceRow

CARDS = [
    ToolCard("clock__now", "now", "Return the current time in a time zone.", "clock"),
    ToolCard("post__send", "send", "Send a message to somebody.", "post"),
    ToolCard("disk__rename", "rename", "Rename a document in a folder.", "disk"),
    ToolCard("sky__forecast", "forecast", "Tell tomorrow's weather for a city.", "sky"),
]
NAMES = tuple(card.id for card in CARDS)
WISHES = {
    "clock__now": ("how late is it", "what hour in Tokyo"),
    "post__send": ("ping grandma", "write to my boss"),
    "disk__rename": ("tidy up papers", "call this doc something else"),
    "sky__forecast": ("umbrella needed", "is it going to be sunny"),
}


class Rows:
    """An `ExperienceSource` over a list."""

    def __init__(self, rows: Sequence[ExperienceRow]) -> None:
        self.rows = list(rows)
        self.closed = False

    def since(self, seq: int, limit: int) -> list[ExperienceRow]:
        """Rows after `seq`."""
        return [row for row in self.rows if row.seq > seq][:limit]

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def lived_rows(count: int, seed: int = 0) -> list[ExperienceRow]:
    """Calls of agents that see all tools in random order and take the right one; every fifth is for evaluation."""
    rng = random.Random(seed)
    return [_row(seq, rng) for seq in range(1, count + 1)]


def _row(seq: int, rng: random.Random) -> ExperienceRow:
    wanted = rng.choice(NAMES)
    return ExperienceRow(
        seq=seq,
        kind="call",
        at=1_800_000_000.0 + seq,
        tool=wanted,
        outcome="ok",
        latency_s=0.2,
        usefulness=None,
        weight=1.0,
        source="call",
        provenance="",
        call_id=f"c{seq}",
        decision_id=f"d{seq}",
        query=rng.choice(WISHES[wanted]),
        agent="a",
        run="r",
        round=1,
        shown=tuple(rng.sample(NAMES, len(NAMES))),
        propensities=(0.25, None, None, None),
        bucket=seq % 5 == 0,
        policy_version="1.0",
        toolset_version="v",
    )
