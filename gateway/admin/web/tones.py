"""How a word feels: its colour. The word itself is always shown. No I/O."""

from __future__ import annotations

from gateway.admin.web import words
from gateway.admin.web.html import Html, element

_TONES = {
    "ready": "good", "healthy": "good", "ok": "good", "starting": "busy", "stopping": "busy", "backoff": "bad",
    "failed": "bad", "unhealthy": "bad", "degraded": "warn", "stopped": "calm", "tool_error": "warn", "timeout": "bad",
    "pending": "busy", "approved": "busy", "installed": "good", "denied": "calm",
    "gone": "bad", "refused": "warn", "busy": "warn", "cancelled": "calm",
    "closed": "good", "open": "bad", "half open": "warn",
    "exit": "warn", "idle": "calm", "runtime": "calm", "oom": "bad", "tasks": "bad", "signal": "bad", "hang": "bad",
    "deaf": "bad", "silent": "bad", "noise": "bad", "handshake": "bad", "spawn": "bad", "lost": "bad", "bug": "bad",
}  # fmt: skip


def tone(word: object) -> str:
    """Say how a state feels: good, busy, warn, bad or calm."""
    return _TONES.get(str(word), "calm")


def badge(word: object) -> Html:
    """Show a state as a word in its colour."""
    return element("span", words.plain(word), class_=f"badge {tone(word)}")
