"""One child relieves another without a gap: it comes up beside the set, takes the place, and the old one finishes."""

from __future__ import annotations

import anyio

from gateway.errors import HandshakeFailed
from gateway.facts import Publish
from gateway.model import ServerSpec
from gateway.supervisor.child import Child
from gateway.supervisor.keeping.children import CHANGED, Children


async def came_up(child: Child, ready_s: float) -> None:
    """Wait until a child is ready. Raises: HandshakeFailed with its own reason, when it gives up or time is over."""
    with anyio.move_on_after(ready_s):
        if await child.came_up():
            return
    raise HandshakeFailed(child.spec.name, f"{child.spec.name} did not become ready: {child.reason}")


async def bring_up_beside(children: Children, old: Child, spec: ServerSpec, publish: Publish, ready_s: float) -> Child:
    """Start a server by another spec while `old` serves; returns the new child, which nobody hears yet.

    Raises: HandshakeFailed when it is not ready within `ready_s`, or was called off.
    """
    children.call_off(spec.name)
    new = children.new(spec, "", publish, is_heard=False)
    new.take_after(old)
    new.start()
    children.put_aside(new)
    children.heirs[spec.name] = new
    try:
        await came_up(new, ready_s)
    except BaseException:
        children.drop(new, "it did not become ready in time")
        raise
    finally:
        if children.heirs.get(spec.name) is new:
            del children.heirs[spec.name]
    return new


def relieve(children: Children, old: Child, new: Child, drain_s: float) -> bool:
    """Put `new` in the place of `old`; nothing is awaited, so nobody sees a moment without a child.

    Says whether that was done: a server may have been forgotten or replaced meanwhile.
    """
    if children.get(new.spec.name) is not old or children.tasks is None:
        children.drop(new, CHANGED)
        return False
    old.is_relieved = True
    children.voice(old).hush()
    children.put(new)
    children.put_aside(old)
    children.voice(new).speak()
    children.tasks.start_soon(_retire, children, old, drain_s)
    return True


async def _retire(children: Children, child: Child, drain_s: float) -> None:
    with anyio.move_on_after(drain_s):
        await child.in_flight.none()
    children.drop(child, "another release took over")
