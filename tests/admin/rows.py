"""Rows as a daemon answers them, and text of strangers."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
HOSTILE = "<script>alert('x')</script>\x1b[31m"


def server_row(name: str, **changes: Any) -> Json:
    """A row of the status, as CONTRACT section 4 has it."""
    return {
        "name": name, "from": f"pypi:{name}==1", "transport": "stdio", "state": "ready", "health": "healthy",
        "reason": "", "next_retry_s": None, "pid": 4711, "uptime_s": 65.0, "restarts": 0, "last_exit": None,
        "rss_bytes": 50 * 1024 * 1024, "cpu_percent": 1.5, "open_fds": 9, "tools": 2, "quarantined_tools": 0,
        "protocol": "2025-11-25", "required": False, **changes,
    }  # fmt: skip


def connection_row(**changes: Any) -> Json:
    """A row of `connect list`."""
    return {
        "id": "wx", "namespace": "my-app", "name": "wx", "url": "https://server.smithery.ai/acme/weather",
        "transport": "http", "state": "connected", "message": "", "setup_url": None,
        "missing": {"headers": [], "query": []}, "created_at": None, "made_here": True, "used_by": None, **changes,
    }  # fmt: skip
