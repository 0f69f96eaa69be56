from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import logging, structlog
from gateway.daemon.logs import configure_logs
configure_logs("json", "info")
structlog.get_logger("a").info("child_ready", server="time")
structlog.get_logger("a").debug("too_quiet")
logging.getLogger("library").warning("old %s", "style")
logging.getLogger("uvicorn.access").info("a request line")
"""


def test_our_lines_and_the_libraries_lines_come_in_one_form() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["child_ready", "old style"]
    assert lines[0]["server"] == "time"
    assert done.stdout == ""
