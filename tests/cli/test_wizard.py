"""What is missing is asked for on a terminal, and only there."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.install.zips import PYTHON_SERVER, manifest, write_bundle

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]
PATIENCE_S = 60.0
OPTIONS = {
    "city": {"type": "string", "title": "Home town", "description": "Where the weather is asked for", "required": True},
    "key": {"type": "string", "title": "API key", "sensitive": True, "required": True},
}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory whose gateway asks no registry."""
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "config.toml").write_text("[smithery]\nenabled = false\n[registry]\nenabled = false\n")
    return folder


@pytest.fixture
def argv(tmp_path: Path, state: Path) -> list[str]:
    """Installs a bundle that wants a town and a key; the plan alone is enough here."""
    described = manifest(
        "python", "server/main.py", user_config=OPTIONS,
        mcp_config={"env": {"TOWN": "${user_config.city}", "KEY": "${user_config.key}"}},
    )  # fmt: skip
    file = write_bundle(tmp_path / "weather.mcpb", described, {"server/main.py": PYTHON_SERVER})
    return [sys.executable, "-m", "gateway", "install", f"mcpb:{file}", "--as", "weather", "--state-dir", str(state)]


class Terminal:
    """The other end of a pseudo-terminal."""

    def __init__(self, process: subprocess.Popen[bytes], end: int) -> None:
        self.process = process
        self._end = end
        self.seen = ""

    def expect(self, words: str) -> None:
        """Read until the words stand on the screen."""
        deadline = time.monotonic() + PATIENCE_S
        while words not in self.seen:
            ready, _, _ = select.select([self._end], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no {words!r} in {self.seen!r}"
            self.seen += os.read(self._end, 65536).decode()

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._end, line.encode() + b"\n")

    def rest(self) -> str:
        """Read to the end, and return the whole screen."""
        try:
            while more := os.read(self._end, 65536):
                self.seen += more.decode()
        except OSError:  # how Linux tells that the other side is closed
            pass
        return self.seen


@contextmanager
def on_a_terminal(argv: list[str]) -> Iterator[Terminal]:
    """Run a command with a terminal for its three streams."""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
            os.close(theirs)
            try:
                yield Terminal(process, ours)
            finally:
                process.kill()
    finally:
        os.close(ours)


def test_a_person_is_asked_for_what_is_missing_and_secrets_are_not_shown(argv: list[str], state: Path) -> None:
    with on_a_terminal(argv) as terminal:
        terminal.expect("Home town (city)")
        terminal.type("Bern")
        terminal.expect("API key (key), not shown")
        terminal.type("canary-123")
        screen = terminal.rest()
        assert terminal.process.wait(PATIENCE_S) == 0, screen
    assert "installed weather" in screen
    assert "canary-123" not in screen
    assert (state / "secrets/weather/key").read_text() == "canary-123"


def test_on_a_pipe_nobody_is_asked(argv: list[str]) -> None:
    done = subprocess.run(
        [*argv, "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (2, "settings")
    assert "--set city=" in error["fix"]
    assert "--secret key" in error["fix"]
