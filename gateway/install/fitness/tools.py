"""The tools that a listing claims: how many, how large, and who would not take them. No I/O."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.install.fitness.tool_schemas import MAX_TOOLS, is_offered, problems_of
from gateway.install.fitness.verdict import Check, Topic, ok, unknown, warning
from gateway.listing import ListedTool

MANY_TOOLS = 64  # as tools.max_listed: a ranked list shows that many of all servers together
MAX_TOOLS_JUDGED = 500
_SHOWN = 3


def tool_checks(tools: Sequence[ListedTool] | None, server: str) -> list[Check]:
    """Judge the tools of a server that would be called `server` here."""
    if tools is None:
        return [unknown(Topic.TOOLS, "its registry does not say which tools it has; they are known after its start")]
    checks = [_number(tools)]
    twice = sorted(name for name, count in Counter(tool.name for tool in tools).items() if count > 1)
    if twice:
        checks.append(warning(Topic.TOOLS, f"several of its tools have one name: {_few(twice)}", "Tell its publisher."))
    hidden = [tool.name for tool in tools if not is_offered(tool)]
    if hidden:
        message = f"the input of {_few(hidden)} is not an object: clients would refuse the list, so it is not offered"
        checks.append(warning(Topic.TOOLS, message, "Tell its publisher; its other tools work."))
    return [*checks, *_objections(tools[:MAX_TOOLS_JUDGED], server)]


def _number(tools: Sequence[ListedTool]) -> Check:
    size = sum(len(tool.description) + _size(tool.input_schema) for tool in tools)
    count = f"{len(tools)} tool{'' if len(tools) == 1 else 's'}, {size / 1024:.1f} KiB of definitions"
    over = [f"{provider} takes {most}" for provider, most in MAX_TOOLS.items() if len(tools) > most]
    if over:
        fix = 'Leave tools.mode "ranked" or "search", or choose some of them in a [[profile]].'
        return warning(Topic.TOOLS, f"{count}: too many for one request ({', '.join(over)})", fix)
    if len(tools) > MANY_TOOLS:
        fix = "Raise tools.max_listed, or let agents use find_tools."
        return warning(Topic.TOOLS, f"{count}: a ranked list shows {MANY_TOOLS} (tools.max_listed)", fix)
    return ok(Topic.TOOLS, count)


def _size(schema: Mapping[str, Any]) -> int:
    try:
        return len(json.dumps(schema, default=str))
    except RecursionError:  # nested so deeply that nobody would take it; the objections say so
        return 0


def _objections(tools: Sequence[ListedTool], server: str) -> Iterator[Check]:
    by_provider: dict[str, list[str]] = {}
    for tool in tools:
        for provider, reasons in problems_of(_seen_as(server, tool.name), tool).items():
            by_provider.setdefault(provider, []).append(f"{tool.name} ({'; '.join(reasons[:2])})")
    for provider, objections in by_provider.items():
        message = f"{provider} would refuse {len(objections)} of {len(tools)} tools as they are: {_few(objections)}"
        yield warning(Topic.TOOLS, message, _FIXES.get(provider, _FIX))


_FIX = "With this provider, hide them ([tools] hide) or use a client that adapts schemas; tell its publisher."
_FIXES = {
    "Gemini": "Clients that adapt schemas (or send parametersJsonSchema) are not affected; else use [tools] hide."
}


def _seen_as(server: str, tool: str) -> str:
    """How the name begins that clients see."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{server}__{tool}").strip("_-")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(name[:200] for name in names[:_SHOWN]) + more
