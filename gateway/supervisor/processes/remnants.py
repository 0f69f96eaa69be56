"""What a server has started and left behind: remembered before it is stopped, ended as soon as it is gone.

The stop ladder knows the server's own group only; whoever put itself into another one would live on until somebody
looks for strays the next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import anyio

from gateway.supervisor.processes.procfs import Seen, everybody, look
from gateway.supervisor.processes.strays import end_escaped, marked
from gateway.supervisor.processes.tree import kill_tree


def family(root: int) -> list[Seen]:
    """Return a process and all below it, as they are now; the process itself comes first. Costs one look at /proc."""
    below: dict[int, list[Seen]] = {}
    found = []
    for one in everybody():
        below.setdefault(one.parent, []).append(one)
        if one.pid == root:
            found.append(one)
    for one in found:  # it grows meanwhile
        found += below.get(one.pid, ())
    return found


async def end_rest(tree: Iterable[Seen], living: Mapping[int, str]) -> None:
    """End what is left of a tree whose first process is gone, and what had left it before. Bounded by a few looks.

    `living` holds the servers' first processes of now, which are spared.
    """
    await anyio.to_thread.run_sync(_kill_left, list(tree))
    end_escaped(await anyio.to_thread.run_sync(marked), living)


def _kill_left(tree: list[Seen]) -> None:
    for one in tree[1:]:
        now = look(one.pid)
        if now is not None and now.name == one.name and not now.is_zombie:
            kill_tree(one.pid)
