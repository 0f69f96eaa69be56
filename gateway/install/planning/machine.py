"""What this machine has to run servers with, as a value to decide from. No I/O: `probes.py` fills it."""

from __future__ import annotations

from dataclasses import dataclass

MIN_NODE = (20, 0, 0)
MIN_PYTHON = (3, 10, 0)


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was found: its absolute path and version."""

    path: str
    version: tuple[int, int, int]

    @property
    def shown(self) -> str:
        """The version as text."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True, slots=True)
class Machine:
    """Programs and platform; None means: not found (or not answering)."""

    platform: str  # linux | darwin | win32
    arch: str = ""
    node: Program | None = None
    npm: Program | None = None
    python: Program | None = None
    uv: Program | None = None
    git: Program | None = None
    path: str = "/usr/local/bin:/usr/bin:/bin"  # PATH that children get
    lang: str = "C.UTF-8"

    def missing_node(self) -> str | None:
        """Why Node-based servers cannot run here; None when they can."""
        if self.node is None:
            return f"needs Node.js {MIN_NODE[0]} or newer, which is not installed"
        if self.node.version < MIN_NODE:
            return f"needs Node.js {MIN_NODE[0]} or newer; this machine has {self.node.shown}"
        return None

    def missing_npm(self) -> str | None:
        """Why npm packages cannot be installed here; None when they can."""
        return self.missing_node() or ("needs npm, which is not installed" if self.npm is None else None)

    def missing_python(self) -> str | None:
        """Why Python bundles cannot run here; None when they can."""
        if self.python is None or self.python.version < MIN_PYTHON:
            return f"needs Python {MIN_PYTHON[0]}.{MIN_PYTHON[1]} or newer"
        return None

    def missing_uv(self) -> str | None:
        """Why PyPI packages cannot be installed here; None when they can."""
        return self.missing_python() or ("needs uv, which is not installed" if self.uv is None else None)
