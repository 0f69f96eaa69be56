"""`[tools]` and `[[profile]]`: what clients see. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from gateway.config import checks
from gateway.config.fields import Check, Range


@dataclass(frozen=True, slots=True)
class ToolsSection:
    """How the tool list is made. Lists hold exposed names; `*` at the end matches a prefix."""

    mode: Annotated[
        Literal["ranked", "all", "search"], "ranked: best first; all: everything; search: only the gateway's own tools"
    ] = "ranked"
    builtins: Annotated[bool, "Offer the gateway's own tools (find_tools, call_tool, rate_tool, ...)"] = True
    max_listed: Annotated[int, "Ranked lists are cut to this length", Range(1, 1000)] = 64
    always: Annotated[tuple[str, ...], "Tools that are always on the list, first"] = ()
    hide: Annotated[tuple[str, ...], "Tools that nobody sees or calls"] = ()


@dataclass(frozen=True, slots=True)
class ProfileSection:
    """A named subset of servers and tools at `/mcp/p/{name}`, with its own mode."""

    name: Annotated[str, "Its name in the address: a-z, 0-9 and -, at most 24 characters", Check(checks.name)]
    servers: Annotated[tuple[str, ...], "Servers that it shows; empty: all"] = ()
    tools: Annotated[tuple[str, ...], "Exposed names that it shows, `*` at the end matches a prefix; empty: all"] = ()
    mode: Annotated[Literal["ranked", "all", "search"] | None, "As tools.mode; default: that one"] = None
    max_listed: Annotated[int | None, "As tools.max_listed; default: that one", Range(1, 1000)] = None
    builtins: Annotated[bool | None, "As tools.builtins; default: that one"] = None
