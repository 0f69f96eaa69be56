"""The states of a server, from the supervisor's table."""

from __future__ import annotations

from gateway.supervisor import lifecycle

INTRO = """# States of a server

What a server's process *is* stands in one table; what its health probes *say* (healthy, degraded, unhealthy) and
whether changed tool definitions wait for approval are told beside it. `mcp-gateway status` shows all three, with the
reason.
"""


def reference() -> str:
    """docs/reference/states.md."""
    lines = [INTRO, "```mermaid", "stateDiagram-v2", "    [*] --> stopped"]
    rows = [(state, event, *row) for state, events in lifecycle.TABLE.items() for event, row in events.items()]
    joined: dict[tuple[str, str], list[str]] = {}
    for state, event, after, _ in rows:
        joined.setdefault((state, after), []).append(event)
    lines += [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in joined.items()]
    lines += ["```", "", "| in state | when | becomes | and then |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {state} | {event} | {after} | {', '.join(actions) or 'nothing'} |" for state, event, after, actions in rows
    ]
    lines += ["", "Events that change nothing, and why:", "", "| in state | event | because |", "| --- | --- | --- |"]
    ignored = [(state, event, why) for state, events in lifecycle.IGNORED.items() for event, why in events.items()]
    lines += [f"| {state} | {event} | {why} |" for state, event, why in ignored]
    return "\n".join(lines) + "\n"
