"""The unit file, judged by systemd's own tools. Verify warns on stderr and still ends with 0: only silence counts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.config.gateway import GatewaySection

FOLDER = Path(__file__).parents[2] / "systemd"
UNIT = FOLDER / "mcp-gateway.service"
RESTART_STEPS = FOLDER / "drop-ins" / "50-restart-steps.conf"
BWRAP = FOLDER / "drop-ins" / "60-bwrap.conf"
EXPOSURE_LIMIT = 15  # tenths
EXPOSURE_LIMIT_WITH_BWRAP = 25
SINCE_RESTART_STEPS = 254

pytestmark = pytest.mark.process


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """A copy that starts a program which exists on every machine."""
    copy = tmp_path / "mcp-gateway.service"
    copy.write_text(re.sub(r"(?m)^ExecStart=.*$", "ExecStart=/usr/bin/true", UNIT.read_text()))
    return copy


def analyze(*arguments: str) -> tuple[int, str]:
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is missing: install the package `systemd`"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=25, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def systemd_version() -> int:
    _, text = analyze("--version")
    return int(text.split()[1].split(".")[0])


def settings(file: Path) -> dict[str, list[str]]:
    """Every assignment of a unit file, in order."""
    found: dict[str, list[str]] = {}
    for line in file.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def test_verify_has_nothing_to_say(unit: Path) -> None:
    assert analyze("verify", "--man=no", str(unit)) == (0, "")


def test_the_file_in_the_project_is_silent_as_well() -> None:
    assert analyze("verify", "--man=no", str(UNIT)) == (0, "")


def test_verify_would_say_something_about_a_wrong_line(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("RestartSec=1", "RestartSecs=1"))
    assert "RestartSecs" in analyze("verify", "--man=no", str(unit))[1]


def test_exposure_is_in_the_best_class(unit: Path) -> None:
    status, text = analyze("security", "--offline=yes", f"--threshold={EXPOSURE_LIMIT}", "--no-pager", str(unit))
    assert (status, "Overall exposure level" in text) == (0, True), text


def test_a_bare_service_would_exceed_the_limit(tmp_path: Path) -> None:
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nExecStart=/usr/bin/true\n")
    status, _ = analyze("security", "--offline=yes", f"--threshold={EXPOSURE_LIMIT}", "--no-pager", str(bare))
    assert status != 0


def test_the_drop_in_is_known_to_the_systemd_it_is_for(unit: Path) -> None:
    folder = unit.with_name(unit.name + ".d")
    folder.mkdir()
    shutil.copy(RESTART_STEPS, folder)
    _, text = analyze("verify", "--man=no", str(unit))
    complaints = set(re.findall(r"Unknown key[^']*'(\w+)'", text))
    expected = set() if systemd_version() >= SINCE_RESTART_STEPS else {"RestartSteps", "RestartMaxDelaySec"}
    assert complaints == expected, text


@pytest.fixture
def unit_with_bwrap(unit: Path) -> Path:
    """The unit as the drop-in makes it; `systemd-analyze security` reads no drop-ins of a file."""
    more = "\n".join(line for line in BWRAP.read_text().splitlines() if "=" in line and not line.startswith("#"))
    unit.write_text(unit.read_text().replace("\n[Install]", f"\n{more}\n\n[Install]"))
    return unit


def test_namespaces_for_servers_cost_a_bounded_amount_of_exposure(unit_with_bwrap: Path) -> None:
    assert analyze("verify", "--man=no", str(unit_with_bwrap)) == (0, "")
    threshold = f"--threshold={EXPOSURE_LIMIT_WITH_BWRAP}"
    status, text = analyze("security", "--offline=yes", threshold, "--no-pager", str(unit_with_bwrap))
    assert (status, "Overall exposure level" in text) == (0, True), text


def test_the_drop_in_opens_what_bwrap_needs_and_the_unit_alone_does_not() -> None:
    more, unit = settings(BWRAP), settings(UNIT)
    assert {"user", "pid", "mnt"} <= set(more["RestrictNamespaces"][0].split())
    assert {"@mount", "pivot_root", "capset"} <= set(more["SystemCallFilter"][0].split())
    opened = ("ProtectKernelTunables", "ProtectKernelLogs")  # each covers a part of /proc
    assert [(unit[name], more[name]) for name in opened] == [(["yes"], ["no"])] * 2
    assert unit["RestrictNamespaces"] == ["yes"]
    assert "ProtectProc" not in more, "a /proc that hides others' processes is whole, and hinders nobody"


def test_readiness_comes_from_the_daemon_though_the_keeper_is_the_main_process() -> None:
    found = settings(UNIT)
    assert (found["Type"], found["NotifyAccess"], found["WatchdogSec"]) == (["notify"], ["all"], ["30"])


def test_a_credential_that_is_not_there_does_not_fail_the_unit() -> None:
    """Only a name that is looked up in the credential stores may be absent; an absolute path may not."""
    pairs = [value.split(":", 1) for value in settings(UNIT)["LoadCredential"]]
    assert [name for name, _ in pairs] == ["token", "admin-token", "smithery-api-key"]
    assert not [place for _, place in pairs if "/" in place]


def test_nothing_secret_stands_in_the_unit() -> None:
    found = settings(UNIT)
    assert not {"SetCredential", "EnvironmentFile", "PassEnvironment"} & set(found)
    assert not [value for value in found["Environment"] if re.search(r"TOKEN|KEY|SECRET", value)]


def test_stopping_has_longer_than_draining() -> None:
    assert float(settings(UNIT)["TimeoutStopSec"][0]) > GatewaySection().drain_s + 6
