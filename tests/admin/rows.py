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


def troubled_row(name: str, **changes: Any) -> Json:
    """A row of a server that has been through a lot."""
    return server_row(
        name, state="backoff", health="unhealthy", reason="it took more than its MemoryMax", next_retry_s=4.0,
        pid=None, restarts=3, restart_causes={"hang": 1, "oom": 2}, queued=2, in_flight=1, serial=True,
        exits=[death_row(name), death_row(name, cause="hang", code=0, signal=None, uptime_s=None)],
        limits={"MemoryMax": 512 * 2**20, "TasksMax": 100, "CPUQuota": None, "LimitNOFILE": 64, "LimitFSIZE": None,
                "RuntimeMaxSec": None, "by": "cgroup"},
        rss_bytes=450 * 2**20, memory_peak_bytes=511 * 2**20, tasks=7, open_fds=9,
        sandbox={"level": "bwrap", "network": "none", "why": "it was installed from npm", "given": [], "notes": []},
        breaker={"state": "open", "retry_s": 12.0, "reason": "5 calls in a row failed"},
        breakers=[{"tool": "log", "state": "half_open", "retry_s": None, "reason": "3 timeouts"}],
        calls={"n": 20, "errors": 5, "p50_s": 0.01, "p95_s": 1.5, "window_s": 60.0}, late_answers=2, noise=3,
        stderr_tail=["about to allocate", HOSTILE], session="shared", instances=0, skipped_tools=1,
        prestarts=4, wasted_starts=1, spares=2, resting=False, **changes,
    )  # fmt: skip


def death_row(server: str, **changes: Any) -> Json:
    """A row of the death log."""
    return {
        "server": server, "at": "2026-01-02T03:04:05.000Z", "cause": "oom", "code": None, "signal": "SIGKILL",
        "reason": "it took more than its MemoryMax", "was_wanted": True, "uptime_s": 61.0, "pid": 4712,
        "stderr_tail": ["about to allocate", HOSTILE], "version": "1.0.0", **changes,
    }  # fmt: skip


def connection_row(**changes: Any) -> Json:
    """A row of `connect list`."""
    return {
        "id": "wx", "namespace": "my-app", "name": "wx", "url": "https://server.smithery.ai/acme/weather",
        "transport": "http", "state": "connected", "message": "", "setup_url": None,
        "missing": {"headers": [], "query": []}, "created_at": None, "made_here": True, "used_by": None, **changes,
    }  # fmt: skip
