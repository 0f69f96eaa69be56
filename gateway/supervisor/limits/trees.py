"""Whose process is it? Parts the processes that are seen among the servers. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from gateway.supervisor.processes.procfs import Seen

Name = tuple[int, int]
"""(pid, born) of a process: what no other one will ever be called. A server's life is called by its first process."""

Owners = dict[Name, Name]
"""Each process to the life that it belongs to."""


@dataclass(slots=True)
class Parted:
    """`trees`: each living life with its processes. `left`: what lives on although its life is over.

    `strange`: nobody knows whose they are. They count as lives that are over from the next round on, unless somebody
    says by then that they are his.
    """

    trees: dict[Name, list[Seen]] = field(default_factory=dict)
    left: list[Seen] = field(default_factory=list)
    strange: list[Seen] = field(default_factory=list)
    owners: Owners = field(default_factory=dict)  # of all these, to be given to the next round


def part(
    seen: Mapping[int, Seen],
    roots: Iterable[int],
    before: Owners,
    owner_of: Callable[[Seen], Name | None],
    adopter: Seen | None = None,
) -> Parted:
    """Give each process to the life that it descends from.

    A process that its parents left behind belongs to whom it belonged `before`; of one that nobody has seen before,
    `owner_of` may know the life that it came from. `adopter`: who becomes the parent of all orphans of ours;
    what is in its own session no server left behind, for each life begins in one of its own.
    """
    parted = Parted()
    below = _below(seen.values())
    living = {root: seen[root].name for root in roots if root in seen}
    names = set(living.values())

    def give(life: Name, first: Seen) -> None:
        tree = parted.trees.setdefault(life, []) if life in names else parted.left
        _give(parted.owners, tree, life, first, below, stop_at=living)

    for root, life in living.items():
        give(life, seen[root])
    orphans = [one for one in seen.values() if one.name not in parted.owners]
    for find in (lambda one: before.get(one.name), owner_of):
        for orphan in orphans:
            if orphan.name not in parted.owners and (owner := find(orphan)) is not None:
                give(owner, orphan)
    for orphan in (one for one in orphans if adopter is not None and _is_left_to(adopter, one)):
        _give(parted.owners, parted.strange, orphan.name, orphan, below, stop_at=living)
    return parted


def _is_left_to(adopter: Seen, one: Seen) -> bool:
    return one.parent == adopter.pid and one.session != adopter.session and not one.is_zombie


def _below(seen: Iterable[Seen]) -> dict[int, list[Seen]]:
    below: dict[int, list[Seen]] = {}
    for one in seen:
        below.setdefault(one.parent, []).append(one)
    return below


def _give(
    owners: Owners,
    tree: list[Seen],
    life: Name,
    first: Seen,
    below: Mapping[int, list[Seen]],
    *,
    stop_at: Mapping[int, Name],
) -> None:
    """Give a process, and all that descend from it, to a life."""
    waiting = [first]
    while waiting:
        one = waiting.pop()
        if one.name in owners:
            continue
        owners[one.name] = life
        tree.append(one)
        waiting += [child for child in below.get(one.pid, ()) if child.pid not in stop_at]
