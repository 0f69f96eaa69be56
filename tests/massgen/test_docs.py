"""The example in the how-to is what the gateway prints, plus each agent's own model."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from gateway.massgen.config import render_block

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-with-massgen.md"


def test_the_example_of_the_how_to_holds_the_printed_entries() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    shown = yaml.safe_load(example)["agents"]
    printed = yaml.safe_load(render_block("http://127.0.0.1:8808/mcp", [agent["id"] for agent in shown]))["agents"]
    for ours, theirs in zip(printed, shown, strict=True):
        assert theirs["backend"]["mcp_servers"] == ours["backend"]["mcp_servers"]
