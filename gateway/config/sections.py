"""`Config`: all sections together."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.config.auth import AuthSection
from gateway.config.gateway import GatewaySection
from gateway.config.install import InstallSection
from gateway.config.learning import LearningSection
from gateway.config.registries import DiscoverRule, RegistrySection, SmitherySection
from gateway.config.server import ServerSection
from gateway.config.store import MassgenSection, StoreSection
from gateway.config.tools import ProfileSection, ToolsSection


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration, validated."""

    gateway: GatewaySection = field(default_factory=GatewaySection)
    auth: AuthSection = field(default_factory=AuthSection)
    smithery: SmitherySection = field(default_factory=SmitherySection)
    registry: RegistrySection = field(default_factory=RegistrySection)
    discover: tuple[DiscoverRule, ...] = ()
    server: tuple[ServerSection, ...] = ()
    install: InstallSection = field(default_factory=InstallSection)
    tools: ToolsSection = field(default_factory=ToolsSection)
    learning: LearningSection = field(default_factory=LearningSection)
    profile: tuple[ProfileSection, ...] = ()
    store: StoreSection = field(default_factory=StoreSection)
    massgen: MassgenSection = field(default_factory=MassgenSection)
