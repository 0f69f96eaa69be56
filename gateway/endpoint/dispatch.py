"""One call, from its name to its answer: route, acquire, forward, measure. Every call ends in one CallFinished fact."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import anyio.to_thread
import structlog

from gateway.clock import Clock
from gateway.endpoint.answers import Answer, failed
from gateway.endpoint.builtin import Builtins
from gateway.endpoint.builtin_definitions import CALL as CALL_TOOL
from gateway.endpoint.context import CallRequest, RequestContext
from gateway.endpoint.fidelity import Finish, Members, finish_result, read_result, schema_fault
from gateway.endpoint.offering import Offering
from gateway.endpoint.ports import OnNotify, Upstreams, Verbs
from gateway.endpoint.recent import RecentCall, RecentCalls
from gateway.endpoint.routing import route
from gateway.endpoint.toolset import Entry
from gateway.errors import GatewayError, TooLarge, ToolQuarantined, UnknownTool
from gateway.facts import CallFinished, Publish
from gateway.model import CallOutcome, ServerName, SessionScope, ToolName, ToolRef

OWN_SERVER = ServerName("gateway")
CHECK_INLINE_BYTES = 64 * 1024  # checking a larger structured answer would be felt by every other call


Work = Callable[[], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class _Call:
    """One call on its way: when it began (calendar and monotonic), what was asked, what answers to it."""

    id: str
    at: float
    started: float
    request: CallRequest
    ctx: RequestContext
    ref: ToolRef
    decision_id: str | None
    arguments: bytes


class Dispatch:
    """Calls tools on behalf of clients."""

    def __init__(
        self,
        *,
        upstreams: Upstreams,
        offering: Offering,
        verbs: Verbs,
        publish: Publish,
        clock: Clock,
        rng: random.Random,
        args_key: bytes,
        server_info: bytes,
    ) -> None:
        self._upstreams = upstreams
        self._offering = offering
        self._publish = publish
        self._clock = clock
        self._rng = rng
        self._args_key = args_key
        self._server_info = server_info
        self._recent = RecentCalls()
        self._builtins = Builtins(offering=offering, recent=self._recent, verbs=verbs, call=self.call)
        self._log = structlog.get_logger("endpoint")
        self.in_flight = 0

    async def call(self, request: CallRequest, ctx: RequestContext, on_notify: OnNotify | None = None) -> Answer:
        """Call a tool by its exposed name; whatever goes wrong is in the answer.

        `on_notify` hears what the child says about this call while it works on it.
        """
        view = self._offering.view(ctx.caller.profile)
        try:
            target = route(self._offering.toolset, view.entries, view.builtins, request.name)
        except UnknownTool as exc:
            return failed(exc, OWN_SERVER)
        except ToolQuarantined as exc:
            held = self._begin(request, ctx, ToolRef(ServerName(exc.server), ToolName(exc.tool)))
            return await self._measured(held, _raising(exc))
        if isinstance(target, Entry):
            call = self._begin(request, ctx, target.tool.ref)
            return await self._measured(call, lambda: self._forward(call, target, on_notify))
        own = self._begin(request, ctx, ToolRef(OWN_SERVER, ToolName(target.removeprefix("gateway__"))))
        if target == CALL_TOOL:  # the call that is measured is the one inside
            return await self._guarded(own, lambda: self._builtins.run(request, ctx, on_notify))
        return await self._measured(own, lambda: self._own(own))

    def _begin(self, request: CallRequest, ctx: RequestContext, ref: ToolRef) -> _Call:
        wall = self._clock.wall()
        # The time in front keeps ids apart over restarts, also when somebody seeds the generator.
        call_id = f"c{int(wall * 1000):011x}{self._rng.getrandbits(48):012x}"
        decision_id = self._offering.decisions.showing(ctx.key, request.name)
        return _Call(call_id, wall, self._clock.now(), request, ctx, ref, decision_id, request.arguments)

    async def _measured(self, call: _Call, work: Work) -> Answer:
        self.in_flight += 1
        answer = Answer(outcome=CallOutcome.CANCELLED)
        try:
            answer = await self._guarded(call, work)
        finally:
            self.in_flight -= 1
            self._tell(call, answer)
        return answer

    async def _guarded(self, call: _Call, work: Work) -> Answer:
        try:
            return await work()
        except GatewayError as exc:
            return self._finished(call, failed(exc, call.ref.server))
        except Exception:  # noqa: BLE001 - a bug of ours costs this call, not the session it came in
            self._log.exception("call_failed", call_id=call.id, server=call.ref.server, tool=call.ref.tool)
            bug = GatewayError("the gateway failed while it handled this call; the operator's log says how")
            return self._finished(call, failed(bug, call.ref.server))

    async def _own(self, call: _Call) -> Answer:
        return self._finished(call, await self._builtins.run(call.request, call.ctx, None))

    async def _forward(self, call: _Call, entry: Entry, on_notify: OnNotify | None) -> Answer:
        server = call.ref.server
        instance = instance_of(entry.session, call.ctx)
        upstream = await self._upstreams.acquire(server, instance, tool=call.ref.tool, caller=call.ctx.caller.key)
        raw = await upstream.request("tools/call", call.request.for_child(call.ref.tool), on_notify=on_notify)
        limit = self._offering.config.max_result_bytes
        if len(raw) > limit:
            raise TooLarge(server, len(raw), limit)
        members = read_result(server, raw)
        structured = members.get("structuredContent")
        if structured is not None and memoryview(structured).nbytes > CHECK_INLINE_BYTES:
            fault = await anyio.to_thread.run_sync(schema_fault, members, entry.tool.output_schema)
        else:
            fault = schema_fault(members, entry.tool.output_schema)
        return self._with_changes(call, members, fault)

    def _with_changes(self, call: _Call, members: Members, fault: str | None = None) -> Answer:
        how = Finish(call.id, call.ref.server, call.ctx.modern, call.ctx.caller.result_text, self._server_info)
        finished = finish_result(members, how, fault)
        return Answer(finished.raw, outcome=CallOutcome.TOOL_ERROR if finished.is_error else CallOutcome.OK)

    def _finished(self, call: _Call, answer: Answer) -> Answer:
        finished = self._with_changes(call, read_result(call.ref.server, answer.result))
        return replace(answer, result=finished.result)

    def _tell(self, call: _Call, answer: Answer) -> None:
        ctx = call.ctx
        self._recent.note(RecentCall(call.id, ctx.caller.key, call.request.name, call.decision_id))
        self._publish(
            CallFinished(
                call_id=call.id,
                at=call.at,
                principal=ctx.caller.principal,
                agent=ctx.caller.agent,
                run=ctx.caller.run,
                round=ctx.round,
                session=ctx.sid,
                profile=ctx.caller.profile,
                server=call.ref.server,
                tool=call.ref.tool,
                exposed=call.request.name,
                via=ctx.via,
                decision_id=call.decision_id,
                outcome=answer.outcome,
                error_code=answer.error_code,
                latency_s=self._clock.now() - call.started,
                bytes_in=len(call.arguments),
                bytes_out=len(answer.result),
                args_hmac=arguments_hmac(self._args_key, call.arguments),
            )
        )


def instance_of(scope: SessionScope, ctx: RequestContext) -> str:
    """Whose child of a server this request may use; empty for the shared one."""
    if scope == SessionScope.SHARED:
        return ""
    if scope == SessionScope.PER_SESSION and ctx.sid:
        return session_instance(ctx.sid)
    return "\x1f".join(("agent", ctx.caller.principal, ctx.caller.agent, ctx.caller.run))


def session_instance(sid: str) -> str:
    """The instance of a session's own children."""
    return f"session\x1f{sid}"


def arguments_hmac(key: bytes, arguments: bytes) -> str:
    """Fingerprint arguments for joining logs: 16 hex digits over their canonical JSON."""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        canonical = arguments
    else:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        canonical = text.encode("utf-8", "surrogatepass")
    return hmac.digest(key, canonical, hashlib.sha256).hex()[:16]


def _raising(exc: GatewayError) -> Work:
    async def work() -> Answer:
        raise exc

    return work
