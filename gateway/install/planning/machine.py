"""What this machine has to run servers with, as a value to decide from. No I/O: `probes.py` fills it."""

from __future__ import annotations

from dataclasses import dataclass

MIN_NODE = (20, 0, 0)
MIN_PYTHON = (3, 10, 0)

FIXES = {
    "node": "Install Node.js 20 or newer, or put it on the gateway's PATH.",
    "npm": "Install npm (it comes with Node.js), or put it on the gateway's PATH.",
    "python": "Install Python 3.10 or newer and run the gateway with it.",
    "uv": "Install the PyPI package uv (pip install uv).",
    "git": "Install git, or put it on the gateway's PATH.",
    "bun": "Install bun, or put it on the gateway's PATH.",
    "docker": "Install Docker and start its engine; the gateway's user must be allowed to use it.",
}
"""What to do about each program that is missing or too old."""


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
    bun: Program | None = None
    docker: Program | None = None  # the client; it alone runs nothing
    docker_engine: str | None = None  # version of the engine behind the client; None: it does not answer
    path: str = "/usr/local/bin:/usr/bin:/bin"  # PATH that children get
    lang: str = "C.UTF-8"

    def programs(self) -> dict[str, Program | None]:
        """Everything that was looked for, by name."""
        return {
            "node": self.node,
            "npm": self.npm,
            "python": self.python,
            "uv": self.uv,
            "git": self.git,
            "bun": self.bun,
            "docker": self.docker,
        }

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
            here = f"; this machine has {self.python.shown}" if self.python else ", which is not installed"
            return f"needs Python {MIN_PYTHON[0]}.{MIN_PYTHON[1]} or newer{here}"
        return None

    def missing_uv(self) -> str | None:
        """Why PyPI packages cannot be installed here; None when they can."""
        return self.missing_python() or ("needs uv, which is not installed" if self.uv is None else None)

    def missing_git(self) -> str | None:
        """Why servers that call git cannot work here; None when they can."""
        return "needs the `git` program, which is not installed" if self.git is None else None

    def missing_bun(self) -> str | None:
        """Why bun bundles cannot run here; None when they can."""
        return "needs bun, which is not installed" if self.bun is None else None

    def missing_docker(self) -> str | None:
        """Why container images cannot run here; None when they can."""
        if self.docker is None:
            return "needs Docker, which is not installed"
        if self.docker_engine is None:
            return f"needs Docker's engine, which does not answer (only the client {self.docker.shown} is here)"
        return None

    def missing(self, runtime: str) -> str | None:
        """Why this runtime (node, npm, python, uv, git, bun, docker) cannot be used; None when it can."""
        asked = {
            "node": self.missing_node,
            "npm": self.missing_npm,
            "python": self.missing_python,
            "uv": self.missing_uv,
            "git": self.missing_git,
            "bun": self.missing_bun,
            "docker": self.missing_docker,
        }
        return asked[runtime]() if runtime in asked else None
