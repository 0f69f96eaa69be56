"""The endpoint's settings, and what one profile lets its clients see. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.config.sections import Config
from gateway.config.tools import ProfileSection, ToolsSection
from gateway.endpoint.toolset import Entry

Mode = Literal["ranked", "all", "search"]


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """What `[tools]`, `[[profile]]` and their neighbours say of the endpoint. Durations in seconds."""

    tools: ToolsSection = field(default_factory=ToolsSection)
    profiles: tuple[ProfileSection, ...] = ()
    list_ttl_s: float = 30.0
    on_demand: Literal["off", "ask", "allow"] = "off"
    max_result_bytes: int = 10 * 1024 * 1024
    session_idle_s: float = 1800.0  # a session's memory is freed then; its id goes on working

    @classmethod
    def of(cls, config: Config) -> EndpointConfig:
        """Read the whole configuration."""
        return cls(
            tools=config.tools,
            profiles=config.profile,
            list_ttl_s=config.learning.list_ttl_s,
            on_demand=config.install.on_demand,
        )

    def profile(self, name: str) -> Profile | None:
        """Return the profile of that name; the empty name is everything. None when there is no such profile."""
        if not name:
            return Profile(tools=self.tools)
        section = next((section for section in self.profiles if section.name == name), None)
        return None if section is None else Profile(tools=self.tools, section=section)


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile: the general settings with its own ones over them."""

    tools: ToolsSection
    section: ProfileSection = field(default_factory=lambda: ProfileSection(name=""))

    @property
    def mode(self) -> Mode:
        """How the list is made."""
        return self.section.mode or self.tools.mode

    @property
    def max_listed(self) -> int:
        """How long a list may be."""
        return self.tools.max_listed if self.section.max_listed is None else self.section.max_listed

    @property
    def builtins(self) -> bool:
        """Whether our own tools are offered."""
        return self.tools.builtins if self.section.builtins is None else self.section.builtins

    def visible(self, entries: Mapping[str, Entry]) -> dict[str, Entry]:
        """The tools that clients of this profile may see and call, in the stable order."""
        servers = self.section.servers
        return {
            name: entry
            for name, entry in entries.items()
            if (not servers or entry.tool.ref.server in servers)
            and (not self.section.tools or matches(self.section.tools, name))
            and not matches(self.tools.hide, name)
        }

    def always(self, names: Iterable[str]) -> list[str]:
        """Those of the names that are listed whatever the policy says."""
        return [name for name in names if matches(self.tools.always, name)]


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether a pattern fits: an exposed name, or the beginning of one followed by `*`."""
    return any(name.startswith(p[:-1]) if p.endswith("*") else name == p for p in patterns)
