"""Clients of both eras that call the tormented servers without pause, and write down how each call ended."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.wire import Legacy, Modern
from tests.soak.judge import Asked

CALLS_PER_SESSION = 60
PAUSE_S = 0.12
LONGEST_MS = 120.0


@dataclass
class Load:
    """So many clients, each with its own thread and generator. `tools`: exposed name to server."""

    url: str
    token: str
    tools: Sequence[tuple[str, str]]
    seed: int
    clients: int = 6
    calls: list[Asked] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin."""
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(self.clients)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let every client finish its call."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        rng = random.Random(f"{self.seed}-{number}")
        count = 0
        try:
            while not self._stop.is_set():
                kind = Legacy if number % 2 else Modern
                with kind(self.url, self.token, agent=f"agent-{number}", run="soak") as client:
                    for _ in range(CALLS_PER_SESSION):
                        count += 1
                        self.calls.append(self._call(client, f"{number}-{count}", rng))
                        if self._stop.wait(rng.uniform(0, PAUSE_S)):
                            break
                    if isinstance(client, Legacy):
                        client.close()
        except Exception as exc:  # noqa: BLE001 - whatever it is, the soak has to tell
            self.problems.append(f"client {number} broke: {type(exc).__name__}: {exc}")

    def _call(self, client: Legacy | Modern, token: str, rng: random.Random) -> Asked:
        exposed, server = rng.choice(self.tools)
        try:
            result = client.call(exposed, {"token": token, "ms": rng.uniform(0, LONGEST_MS)})
        except (httpx.HTTPError, AssertionError, ValueError, KeyError) as exc:
            return Asked(token, server, f"lost: {type(exc).__name__}: {exc}"[:300])
        return Asked(token, server, *_outcome(result))


def _outcome(result: dict[str, Any]) -> tuple[str, str]:
    said = " ".join(part.get("text", "") for part in result["content"])
    if not result.get("isError"):
        return "ok", said
    fault = (result.get("_meta") or {}).get("gateway/error") or {}
    return str(fault.get("code", "tool_error")), said
