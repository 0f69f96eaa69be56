"""Start, search and install with the network cut: clear, quick, useful."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import ROOT

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]


def cut_off(folder: Path) -> dict[str, Any]:
    """Run tests/e2e/cut_off.py without a network where that can be had, else with closed addresses."""
    can_cut = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0
    line = [sys.executable, "-m", "tests.e2e.cut_off", str(folder), "namespace" if can_cut else "addresses"]
    cut = ["unshare", "--net", *line] if can_cut else line
    done = subprocess.run(cut, cwd=ROOT, capture_output=True, text=True, timeout=230, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


def test_without_a_network_everything_that_needs_none_works_and_the_rest_says_so(tmp_path: Path) -> None:
    found = cut_off(tmp_path)
    assert found["exit"] == 0
    assert found["ready_s"] < 30
    search = found["search"]
    assert (search["status"], search["took_s"] < 20) == (0, True)
    result = json.loads(search["out"])
    assert [item["name"] for item in result["items"]] == ["time"]  # the built-in catalogue is there
    states = {source["name"]: source["state"] for source in result["sources"]}
    assert (states["smithery"], states["registry"], states["starter"]) == ("down", "down", "ok")
    listing = found["listing"]
    assert (listing["status"], listing["took_s"] < 20) == (1, True)
    assert "Smithery is not reachable" in listing["err"]
    assert "fix: Check the network" in listing["err"]
    assert found["status"]["status"] == 0
    assert "cannot be reached from here" in found["log"]
    assert found["told_s"] < 60
