from __future__ import annotations

from gateway.daemon.announce import Announcement, announcement


def told(**changes: object) -> str:
    facts: dict[str, object] = {
        "url": "http://127.0.0.1:8808/mcp",
        "agents": "STATE/token",
        "admin": "STATE/admin-token",
        "auth_enabled": True,
        "massgen": "mcp_servers:\n  - name: gateway",
        "servers": {"time": "ready", "git": "backoff"},
        **changes,
    }
    return announcement(Announcement(**facts))  # type: ignore[arg-type]


def test_it_says_where_everything_is() -> None:
    text = told()
    for part in (
        "http://127.0.0.1:8808/mcp",
        "http://127.0.0.1:8808/ui",
        "STATE/token",
        "STATE/admin-token",
        "name: gateway",
    ):
        assert part in text


def test_servers_that_are_not_ready_are_named_with_their_state() -> None:
    assert "1 of 2" in told()
    assert "git (backoff)" in told()


def test_without_auth_no_token_is_asked_for() -> None:
    assert "none needed" in told(auth_enabled=False)


def test_servers_that_start_when_called_are_served() -> None:
    text = told(servers={"time": "ready", "git": "resting", "bad": "failed"})
    assert "serving 2 of 3 servers: time, git (starts when called)" in text
    assert "not ready: bad (failed)" in text
