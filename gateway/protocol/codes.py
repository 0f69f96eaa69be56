"""JSON-RPC and MCP error codes and the protocol revisions we speak, allocated once. No logic."""

from __future__ import annotations

from typing import Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603

RESOURCE_NOT_FOUND: Final = -32002  # legacy era only
URL_ELICITATION_REQUIRED: Final = -32042  # 2025-11-25 only
HEADER_MISMATCH: Final = -32020  # modern era
MISSING_CLIENT_CAPABILITY: Final = -32021  # modern era
UNSUPPORTED_VERSION: Final = -32022  # modern era

MODERN_REVISIONS: Final = ("2026-07-28",)
"""Revisions without `initialize`, newest first."""

LEGACY_REVISIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Revisions that begin with `initialize`, newest first."""

META_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
META_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
META_CLIENT: Final = "io.modelcontextprotocol/clientInfo"
META_LOG_LEVEL: Final = "io.modelcontextprotocol/logLevel"
META_SERVER: Final = "io.modelcontextprotocol/serverInfo"
