"""`[tools]` and `[[profile]]`: what clients see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ToolsSection:
    """How the tool list is made. Lists hold exposed names; `*` at the end matches a prefix."""

    mode: Literal["ranked", "all", "search"] = "ranked"
    builtins: bool = True
    max_listed: int = 64
    always: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProfileSection:
    """`[[profile]]`: a named subset of servers and tools at `/mcp/p/{name}`, with its own mode."""

    name: str
    servers: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    mode: Literal["ranked", "all", "search"] | None = None
    max_listed: int | None = None
    builtins: bool | None = None
