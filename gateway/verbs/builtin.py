"""What the endpoint's built-in tools do in other rooms: rate a call, install a server."""

from __future__ import annotations

from collections.abc import Callable

from gateway.endpoint.ports import Rating
from gateway.errors import NotFound, RefusedByPolicy
from gateway.model import Caller, Origin
from gateway.verbs.installing import install
from gateway.verbs.parts import Running
from gateway.verbs.planning import Ask
from gateway.verbs.requests import note_wish
from gateway.verbs.use import rating


class BuiltinVerbs:
    """Fits `gateway.endpoint.ports.Verbs`. The running daemon is asked for when needed: it is built later."""

    def __init__(self, running: Callable[[], Running]) -> None:
        self._running = running

    async def rate(self, rating_: Rating) -> None:
        """Record an agent's judgement of its own call; returns when it is committed.

        Raises: NotFound, RefusedByPolicy.
        """
        running = self._running()
        await running.ledger_sink.committed()
        row = await running.parts.ledger.call(rating_.call_id)
        if row is None:
            raise NotFound(f"no call {rating_.call_id[:60]!r} is recorded", fix="Use the id in _meta gateway/call.")
        if (row["principal"], row["agent"]) != (rating_.caller.principal, rating_.caller.agent):
            raise RefusedByPolicy("that call was made by another agent", fix="Rate your own calls only.")
        who = f"agent {rating_.caller.agent}: {rating_.comment[:500]}".strip()
        running.publish(rating(running, row, rating_.score, provenance=who))
        await running.ledger_sink.committed()

    async def install_server(self, name: str, caller: Caller) -> str:
        """Install a server on an agent's wish, by the same rules as for everybody.

        Raises: GatewayError.
        """
        parts = self._running().parts
        on_demand = parts.config().install.on_demand
        if on_demand == "ask":
            return await self._asked(name, caller)
        if on_demand != "allow":
            raise RefusedByPolicy(
                f"installing {name[:60]} is for people here",
                fix=f"Ask the person who runs this gateway for: mcp-gateway install {name[:60]}",
            )
        done = await install(parts, Ask(name, origin=Origin.AGENT))
        return (
            f"{done['name']} is installed ({done['from']}) and offers {done['tools']} tools. They are on the next list."
        )

    async def _asked(self, name: str, caller: Caller) -> str:
        request = await note_wish(self._running().parts, name, caller)
        return (
            f"Installing {request.name} waits for the consent of the person who runs this gateway"
            f" (request {request.id}). Go on without it for now; once it is there, its tools are on your list and found"
            " by gateway__find_tools."
        )
