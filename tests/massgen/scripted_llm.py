"""A language model that follows a script: chat completions over HTTP as server-sent events. It does not know us.

Which agent is speaking is told by the model's name. An agent plays its tool calls one after the other, then answers,
then votes for the first answer on offer; whoever wins calls its first tool again while presenting.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OUR_TOOLS = "mcp__gateway__"


@dataclass(frozen=True)
class ToolCall:
    """What the model wants called."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request for a completion, as far as a script needs it."""

    model: str
    tools: dict[str, dict[str, Any]]
    messages: list[dict[str, Any]]

    @property
    def gateway_tools(self) -> list[str]:
        """The gateway's tools in the order in which they were offered, under our names."""
        return [name.removeprefix(OUR_TOOLS) for name in self.tools if name.startswith(OUR_TOOLS)]

    @property
    def calls_made(self) -> int:
        """How many of the gateway's tools this round has called already."""
        calls = [call for message in self.messages for call in message.get("tool_calls") or []]
        return sum(call["function"]["name"].startswith(OUR_TOOLS) for call in calls)

    @property
    def is_presentation(self) -> bool:
        """Has this agent won and shall present? Then there is nothing to vote on."""
        return "vote" not in self.tools

    @property
    def sees_answers(self) -> bool:
        """Are there answers to vote for?"""
        text = json.dumps(self.messages)
        return "<CURRENT ANSWERS" in text and "agent1" in text

    @property
    def results(self) -> list[str]:
        """What the tools have said in this round."""
        return [str(message["content"]) for message in self.messages if message.get("role") == "tool"]


Scripts = Mapping[str, Sequence[ToolCall]]
"""For each model the tool calls that it makes before it answers or votes."""


def reply_to(asked: Asked, remaining: Sequence[ToolCall], first: ToolCall) -> ToolCall | str:
    """Decide what the model says. In the presentation it makes its `first` call once more, then speaks."""
    if asked.is_presentation:
        again = asked.gateway_tools and not asked.calls_made
        return _ours(first) if again else "This is the final answer."
    if asked.gateway_tools and remaining:
        return _ours(remaining[0])
    if "vote" in asked.tools and asked.sees_answers:
        choices = asked.tools["vote"]["parameters"]["properties"]["agent_id"]["enum"]
        return ToolCall("vote", {"agent_id": choices[0], "reason": "the first one answers the question"})
    return ToolCall("new_answer", {"content": f"The answer of {asked.model}."})


def _ours(call: ToolCall) -> ToolCall:
    return ToolCall(OUR_TOOLS + call.name, call.arguments)


@dataclass
class ScriptedModel:
    """The running server: where it is, what it was asked, how far each script has been played."""

    scripts: Scripts
    before_reply: Callable[[Asked], None]
    asked: list[Asked] = field(default_factory=list)
    played: Counter[str] = field(default_factory=Counter)
    url: str = ""

    def answer(self, body: dict[str, Any]) -> ToolCall | str:
        """Note the request and decide. One model's requests come one after the other, so no lock is needed."""
        asked = Asked(
            model=body["model"],
            tools={tool["function"]["name"]: tool["function"] for tool in body.get("tools") or []},
            messages=body["messages"],
        )
        self.asked.append(asked)
        self.before_reply(asked)
        script = self.scripts[asked.model]
        reply = reply_to(asked, script[self.played[asked.model] :], script[0])
        if isinstance(reply, ToolCall) and reply.name.startswith(OUR_TOOLS):
            self.played[asked.model] += 1
        return reply

    def of(self, model: str) -> list[Asked]:
        """What one model was asked, in order."""
        return [asked for asked in self.asked if asked.model == model]


@contextmanager
def scripted_model(
    scripts: Scripts, *, before_reply: Callable[[Asked], None] = lambda _: None
) -> Iterator[ScriptedModel]:
    """Serve the scripts at `url`; `before_reply` runs in the request's own thread and may wait."""
    model = ScriptedModel(scripts, before_reply)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            events = b"".join(_events(body["model"], model.answer(body)))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Content-Length", str(len(events)))
            self.end_headers()
            self.wfile.write(events)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        model.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield model
        finally:
            server.shutdown()
            thread.join()


def _events(model: str, reply: ToolCall | str) -> Iterator[bytes]:
    yield _chunk(model, {"role": "assistant", "content": None if isinstance(reply, ToolCall) else ""})
    if isinstance(reply, ToolCall):
        call = {"index": 0, "id": f"call_{reply.name[-20:]}", "type": "function"}
        yield _chunk(model, {"tool_calls": [{**call, "function": {"name": reply.name, "arguments": ""}}]})
        arguments = {"index": 0, "function": {"arguments": json.dumps(reply.arguments)}}
        yield _chunk(model, {"tool_calls": [arguments]})
        yield _chunk(model, {}, finish="tool_calls")
    else:
        yield _chunk(model, {"content": reply})
        yield _chunk(model, {}, finish="stop")
    yield _event(
        {**_envelope(model), "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}}
    )
    yield b"data: [DONE]\n\n"


def _chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> bytes:
    return _event({**_envelope(model), "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _envelope(model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-script", "object": "chat.completion.chunk", "created": 1, "model": model}


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
