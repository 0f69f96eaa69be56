"""`config show` of one gateway makes the same gateway elsewhere: same content, same tools, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.harness import Gateway, running_gateway, wait_until
from tests.standins.bundles import python_bundle

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

ALONE = "[smithery]\nenabled = false\n[registry]\nenabled = false\n"
KEY = {"MCP_GATEWAY_SECRET_apiKey": "canary-4711"}


@pytest.fixture
def shown(tmp_path: Path) -> str:
    """What a gateway with one installed bundle shows."""
    file = tmp_path / "notes.mcpb"
    file.write_bytes(python_bundle())
    with running_gateway(tmp_path / "first", config=ALONE, environment=KEY) as first:
        first.cli("install", f"mcpb:{file}", "--as", "notes", "--secret", "apiKey", "--set", "units=us")
        first.wait_ready("notes")
        text = str(first.cli("config", "show")["toml"])
    assert "canary" not in text
    return text


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()


def keep_key(gateway: Gateway) -> None:
    """Give the second gateway what no configuration holds."""
    gateway.cli("secret", "set", "notes", "apiKey")


def test_a_pasted_configuration_serves_the_same_tools(tmp_path: Path, shown: str) -> None:
    with running_gateway(tmp_path / "second", config=shown, environment=KEY) as second:
        keep_key(second)
        second.wait_ready("notes")
        (row,) = second.cli("list")["servers"]
        assert (row["name"], row["origin"], row["pinned_tools"]) == ("notes", "config", 3)
        assert second.server("notes")["quarantined_tools"] == 0


def test_a_tool_that_is_not_the_approved_one_waits_for_approval(tmp_path: Path, shown: str) -> None:
    at = shown.index("add_note = ") + len('add_note = "')
    other = shown[:at] + "0" * 64 + shown[at + 64 :]
    with running_gateway(tmp_path / "second", config=other, environment=KEY) as second:
        keep_key(second)
        wait_until(lambda: second.server("notes").get("quarantined_tools") == 1, within=60, what="the quarantine")
        (change,) = second.cli("approve", "notes", "--dry-run")["changes"]
        assert change["tool"] == "add_note"


def test_a_bundle_with_another_content_is_not_installed(tmp_path: Path, shown: str) -> None:
    at = shown.index("sha256 = ") + len('sha256 = "')
    other = shown[:at] + "0" * 64 + shown[at + 64 :]
    with running_gateway(tmp_path / "second", config=other, environment=KEY) as second:
        keep_key(second)
        wait_until(lambda: "another content" in second.log_tail(), within=60, what="the refusal")
        assert second.cli("list")["servers"] == []
