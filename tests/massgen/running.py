"""Runs the real MassGen as a user would: a configuration made of the printed block, a question, the logs it leaves."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.massgen.environment import massgen_command

RUN_TIMEOUT_S = 240
VALIDATE_TIMEOUT_S = 120


@dataclass(frozen=True)
class MassgenRun:
    """How a run ended, and where its logs lie."""

    exit_status: int
    output: str
    logs: Path

    def status(self) -> dict[str, Any]:
        """The newest `status.json`."""
        files = sorted(self.logs.rglob("status.json"), key=lambda file: file.stat().st_mtime)
        assert files, f"no status.json below {self.logs}\n{self.output[-4000:]}"
        return dict(json.loads(files[-1].read_text(encoding="utf-8")))


def configuration(block: str, models: Mapping[str, str], llm_url: str) -> dict[str, Any]:
    """Complete the printed block as its comment asks: each agent's own backend, and a short run."""
    config = yaml.safe_load(block)
    for agent in config["agents"]:
        own = {"type": "chatcompletion", "model": models[agent["id"]], "base_url": llm_url}
        agent["backend"] = {**agent["backend"], **own}
    config["orchestrator"] = {"voting_sensitivity": "lenient", "max_new_answers_per_agent": 1}
    config["ui"] = {"display_type": "simple", "logging_enabled": True}
    return dict(config)


def run_massgen(folder: Path, config: Mapping[str, Any], *, token: str, question: str = "What is said?") -> MassgenRun:
    """Run MassGen on one question with nothing of the developer's own settings."""
    file = folder / "massgen.yaml"
    file.write_text(yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
    logs = folder / "massgen-logs"
    environment = _environment(folder) | {"MCP_GATEWAY_TOKEN": token, "MASSGEN_LOG_BASE_DIR": str(logs)}
    done = _massgen(
        ["--automation", "--config", str(file), question], folder, environment, timeout_s=RUN_TIMEOUT_S
    )  # fmt: skip
    return MassgenRun(done.returncode, done.stdout + done.stderr, logs)


def validate(folder: Path, text: str) -> dict[str, Any]:
    """MassGen's own verdict on a configuration: `{"valid", "errors", "warnings", …}`."""
    file = folder / "validated.yaml"
    file.write_text(text, encoding="utf-8")
    done = _massgen(["--validate", str(file), "--json"], folder, _environment(folder), timeout_s=VALIDATE_TIMEOUT_S)
    assert done.stdout.strip().startswith("{"), f"exit {done.returncode}\n{done.stdout}\n{done.stderr[-4000:]}"
    return dict(json.loads(done.stdout))


def _massgen(
    arguments: list[str], folder: Path, environment: Mapping[str, str], *, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(massgen_command()), *arguments],
        cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=timeout_s, check=False,
    )  # fmt: skip


def _environment(folder: Path) -> dict[str, str]:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "OPENAI_API_KEY": "sk-scripted",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "HF_HUB_OFFLINE": "1",
        "NO_PROXY": "127.0.0.1",
    }
