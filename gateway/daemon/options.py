"""What `mcp-gateway serve` was asked for, as one value. No I/O, no heavy imports: the CLI builds it before it forks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Options of `serve`; None means: as the configuration (or the environment) says."""

    config_file: Path | None = None
    host: str | None = None
    port: int | None = None
    state_dir: Path | None = None
    log_format: Literal["console", "json"] | None = None
    log_level: Literal["debug", "info", "warning", "error"] | None = None
    mcp_servers: Path | None = None  # serve exactly the servers of this {"mcpServers": …} file
    prefix_servers: bool | None = None  # with mcp_servers: exposed names start with the server's name
