"""What the gateway's own tools do. Their definitions stand in `builtin_definitions.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from gateway.endpoint.answers import Answer
from gateway.endpoint.builtin_definitions import (
    CALL,
    NAMES,
    CallArguments,
    FindArguments,
    InstallArguments,
    RateArguments,
)
from gateway.endpoint.context import CallRequest, RequestContext, call_request
from gateway.endpoint.offering import Offering
from gateway.endpoint.ports import OnNotify, Rating, Verbs
from gateway.endpoint.recent import RecentCall, RecentCalls
from gateway.endpoint.toolset import Entry
from gateway.errors import NotFound, RefusedByPolicy, UnknownTool, UsageError

Call = Callable[[CallRequest, RequestContext, OnNotify | None], Awaitable[Answer]]
"""Call any tool by its exposed name, as `Dispatch.call` does."""

_A = TypeVar("_A", bound=msgspec.Struct)


class Builtins:
    """find_tools, call_tool, rate_tool, install_server."""

    def __init__(self, *, offering: Offering, recent: RecentCalls, verbs: Verbs, call: Call) -> None:
        self._offering = offering
        self._recent = recent
        self._verbs = verbs
        self._call = call

    async def run(self, request: CallRequest, ctx: RequestContext, on_notify: OnNotify | None) -> Answer:
        """Carry one of our own tools out.

        Raises: GatewayError, for the caller of the tool.
        """
        match request.name:
            case "gateway__find_tools":
                return self._find(_arguments(request, FindArguments), ctx)
            case "gateway__call_tool":
                return await self._call_tool(_arguments(request, CallArguments), ctx, on_notify)
            case "gateway__rate_tool":
                return await self._rate(_arguments(request, RateArguments), ctx)
            case "gateway__install_server":
                wanted = _arguments(request, InstallArguments)
                return _text(await self._verbs.install_server(wanted.name, ctx.caller))
            case _:
                raise UnknownTool(request.name)

    def _find(self, wanted: FindArguments, ctx: RequestContext) -> Answer:
        found, decision = self._offering.find(ctx, wanted.query, wanted.limit)
        answer: dict[str, Any] = {"tools": [_told(entry) for entry in found]}
        if not found:
            answer["hint"] = "No tool is offered at the moment."
        else:
            answer["hint"] = f"Call one by its name; if it is not on your list, through {CALL}."
        if decision is not None:
            answer["decision_id"] = decision.id
        return _text(msgspec.json.encode(answer).decode())

    async def _call_tool(self, wanted: CallArguments, ctx: RequestContext, on_notify: OnNotify | None) -> Answer:
        if wanted.name in NAMES:
            raise UsageError(f"{wanted.name} cannot be called through {CALL}", fix="Call it directly.")
        inner = call_request(wanted.name, _inner_arguments(wanted.arguments))
        answer = await self._call(inner, replace(ctx, via="call_tool"), on_notify)
        if answer.error is not None:
            # The tool that was called (ours) is known, so an unknown inner one is a result that the model can read.
            raise NotFound(answer.error.message)
        return answer

    async def _rate(self, wanted: RateArguments, ctx: RequestContext) -> Answer:
        call = self._rated(wanted, ctx)
        rating = Rating(
            caller=ctx.caller,
            call_id=call.call_id if call else wanted.call_id,
            score=wanted.score,
            comment=wanted.comment,
            tool=call.exposed if call else None,
            decision_id=call.decision_id if call else None,
        )
        await self._verbs.rate(rating)
        return _text("Thank you, noted.")

    def _rated(self, wanted: RateArguments, ctx: RequestContext) -> RecentCall | None:
        if wanted.call_id:
            call = self._recent.by_id(wanted.call_id)
            if call is not None and call.owner != ctx.caller.key:
                raise RefusedByPolicy(f"the call {wanted.call_id} was somebody else's", fix="Rate calls of your own.")
            return call
        if not wanted.name:
            raise UsageError("neither a tool's name nor a call's id was given", fix="Give one of them.")
        call = self._recent.latest(ctx.caller.key, wanted.name)
        if call is None:
            raise NotFound(f"no call of {wanted.name[:80]} by you is remembered", fix="Rate a tool after calling it.")
        return call


def _arguments(request: CallRequest, kind: type[_A]) -> _A:
    try:
        return msgspec.json.decode(request.arguments, type=kind)
    except msgspec.MsgspecError as exc:
        raise UsageError(f"the arguments of {request.name} are not right: {exc}", fix="Correct them.") from exc


def _inner_arguments(raw: msgspec.Raw) -> bytes:
    text = bytes(raw)
    if text == b"null":  # how some models spell that there are none
        return b"{}"
    if text.startswith(b'"'):
        text = msgspec.json.decode(raw, type=str).strip().encode()
    try:
        msgspec.json.decode(text or b"{}", type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError as exc:
        raise UsageError("the tool's arguments are not a JSON object", fix="Give them as an object.") from exc
    return text or b"{}"


def _told(entry: Entry) -> dict[str, Any]:
    return {"name": entry.name, "description": entry.summary, "arguments": dict(entry.tool.input_schema)}


def _text(text: str) -> Answer:
    return Answer(msgspec.json.encode({"content": [{"type": "text", "text": text}], "isError": False}))
