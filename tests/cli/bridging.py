"""A bridge as a client starts it: a real process, lines in, lines out."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.admin.client import Daemon
from gateway.cli.relay.link import Link
from gateway.cli.relay.relay import Relay

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0
Json = dict[str, Any]


def bridge_environment(url: str, token: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a client's configuration would set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MCP_")}
    return {**kept, "PYTHONPATH": str(ROOT), "MCP_GATEWAY_URL": url, "MCP_GATEWAY_TOKEN": token, **(extra or {})}


def bridge_command(*arguments: str) -> list[str]:
    """The command line that clients use."""
    return [sys.executable, "-m", "gateway", "bridge", *arguments]


class Conversation:
    """A client's side: messages out, lines back."""

    def __init__(self) -> None:
        self.said: queue.Queue[Json] = queue.Queue()

    def put(self, line: bytes) -> None:
        """Hand over one line."""
        raise NotImplementedError

    def send(self, *messages: Json | bytes) -> None:
        """Write lines."""
        for message in messages:
            self.put((message if isinstance(message, bytes) else json.dumps(message).encode()) + b"\n")

    def next(self) -> Json:
        """The next line that came back."""
        return self.said.get(timeout=PATIENCE_S)

    def ask(self, request_id: Any, method: str, **params: Any) -> Json:
        """Send a request and return its answer."""
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        while True:
            said = self.next()
            if said.get("id") == request_id and "method" not in said:
                return said

    def open(self) -> Json:
        """Shake hands in the legacy era."""
        info = {"name": "test", "version": "1"}
        answer = self.ask("init", "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=info)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer


class Bridge(Conversation):
    """The process."""

    def __init__(self, environment: Mapping[str, str], *arguments: str) -> None:
        super().__init__()
        self.process = subprocess.Popen(
            bridge_command(*arguments), env=dict(environment),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.said.put(json.loads(line))

    def put(self, line: bytes) -> None:
        """Write to its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def close(self) -> int:
        """Close its stdin and return its exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=PATIENCE_S)

    def kill(self) -> None:
        """Be rid of it and of its pipes."""
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE_S)
        for pipe in (self.process.stdin, self.process.stderr):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


class InProcess(Conversation):
    """The relay alone, in a thread of this process."""

    def __init__(self, url: str, *, patience_s: float = 5.0, caller: Mapping[str, str] | None = None) -> None:
        super().__init__()
        closing = threading.Event()
        self.lines: queue.Queue[bytes | None] = queue.Queue()
        link = Link(lambda: Daemon(url, ""), "/mcp", closing, patience_s=patience_s)
        relay = Relay(link, lambda line: self.said.put(json.loads(line)), closing, caller or {})
        self._thread = threading.Thread(target=relay.run, args=(iter(self.lines.get, None),), daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Hand it to the relay."""
        self.lines.put(line)

    def close(self) -> None:
        """End the lines and wait for the end of the relay."""
        self.lines.put(None)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


@contextmanager
def relaying(url: str, **given: Any) -> Iterator[InProcess]:
    """Run a relay; it has ended at the end."""
    relay = InProcess(url, **given)
    try:
        yield relay
    finally:
        relay.close()


@contextmanager
def running_bridge(environment: Mapping[str, str], *arguments: str) -> Iterator[Bridge]:
    """Run one; it is gone at the end."""
    bridge = Bridge(environment, *arguments)
    try:
        yield bridge
    finally:
        bridge.kill()
