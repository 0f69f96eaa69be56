"""What a user meets with the network cut: `FOLDER CUT`, run by test_offline.py. Prints one JSON value.

With CUT = "namespace" this process has a network namespace of its own, in which only the loopback is there, and the
registries' usual addresses; else they are closed ports of the loopback.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.harness import ADMIN_TOKEN, clean_environment, free_port

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
PATIENCE_S = 100.0
NO_CACHE = {"UV_NO_CACHE": "1", "npm_config_offline": "false"}
REGISTRIES = ("SMITHERY_BASE_URL", "MCP_REGISTRY_BASE_URL")


def loopback_up() -> None:
    """A fresh network namespace has a loopback that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as some:
        fcntl.ioctl(some, SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", IFF_UP, b""))


def environment(folder: Path, *, is_cut: bool) -> dict[str, str]:
    """A new user's; package managers start with empty caches of their own."""
    found = clean_environment(folder / "state", {**NO_CACHE, "npm_config_cache": str(folder / "npm")})
    if is_cut:
        for name in REGISTRIES:
            del found[name]
    else:
        nowhere = "http://127.0.0.1:9/"
        found |= {"npm_config_registry": nowhere, "UV_DEFAULT_INDEX": nowhere + "simple"}
    return found


def timed(arguments: list[str], env: Mapping[str, str]) -> dict[str, Any]:
    """One verb as a user runs it, and how long it took."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments], env=env, capture_output=True, text=True, timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    took = time.monotonic() - began
    return {"status": done.returncode, "out": done.stdout, "err": done.stderr, "took_s": took}


def when_answers(port: int, path: str, began: float) -> float:
    """Seconds until an address of the gateway says 200."""
    while time.monotonic() - began < PATIENCE_S:
        with contextlib.suppress(httpx.HTTPError):
            headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
            if httpx.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=2).status_code == 200:
                break
        time.sleep(0.02)
    return time.monotonic() - began


def live(folder: Path, *, is_cut: bool) -> dict[str, Any]:
    """Start with nothing configured, look, search, install, stop."""
    env, port, log = environment(folder, is_cut=is_cut), free_port(), folder / "serve.log"
    began = time.monotonic()
    with log.open("wb") as output:
        serving = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--port", str(port)], env=env, stdout=output, stderr=output,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        found: dict[str, Any] = {"ready_s": when_answers(port, "/readyz", began)}
        found["search"] = timed(["search", "time", "--json"], env)
        found["listing"] = timed(["install", "smithery:acme/echo"], env)
        found["status"] = timed(["status", "--json"], env)
        while b"time " not in log.read_bytes() or b"failed" not in log.read_bytes():
            if time.monotonic() - began > PATIENCE_S:
                break
            time.sleep(0.1)
        found["told_s"] = time.monotonic() - began
        found["log"] = log.read_text(errors="replace")
    finally:
        serving.send_signal(signal.SIGTERM)
        found["exit"] = serving.wait(60)
    return found


if __name__ == "__main__":
    cut = sys.argv[2] == "namespace"
    if cut:
        loopback_up()
    place = Path(sys.argv[1])
    os.environ.pop("CREDENTIALS_DIRECTORY", None)
    print(json.dumps(live(place, is_cut=cut)))
