"""A restart with two hundred installed servers asks no registry for anything."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.e2e.harness import ROOT

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]


def test_two_hundred_installed_servers_start_again_without_a_single_request() -> None:
    line = [sys.executable, str(ROOT / "bench" / "restart.py"), "--servers", "200", "--runs", "1", "--json"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert (result["servers"], result["requests"]) == (200, 0)
    assert result["restart_s"]["every server ready"] > result["restart_s"]["listening"] > 0
