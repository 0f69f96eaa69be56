"""What is the machine's: its private settings, its links, and what in /proc is shared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.supervisor.sandbox.machine import PRIVATE_IN, machine_places, private_settings, system, system_links


def make(folder: Path) -> None:
    """Files and folders with modes."""
    for name, mode in {"open": 0o644, "closed": 0o640, "sub/closed": 0o600, "sub/deep/closed": 0o600}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
        (folder / name).chmod(mode)
    (folder / "private").mkdir(mode=0o700)
    (folder / "link").symlink_to("closed")


def test_what_is_for_its_owner_alone_is_hidden_from_that_owners_servers(tmp_path: Path) -> None:
    make(tmp_path)
    found = [(hidden.real, hidden.is_folder, hidden.is_ours) for hidden in private_settings({str(tmp_path): 2})]
    assert found == [
        (f"{tmp_path}/closed", False, False),
        (f"{tmp_path}/private", True, False),
        (f"{tmp_path}/sub/closed", False, False),
    ]


def test_it_is_looked_for_anew_each_time_and_as_deep_as_is_said(tmp_path: Path) -> None:
    make(tmp_path)
    assert len(private_settings({str(tmp_path): 1})) == 2
    assert len(private_settings({str(tmp_path): 3})) == 4
    (tmp_path / "open").chmod(0o600)
    assert f"{tmp_path}/open" in [hidden.real for hidden in private_settings({str(tmp_path): 1})]
    assert {"/etc", "/opt", "/usr/local"} == PRIVATE_IN.keys()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_another_users_private_files_are_left_to_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    assert private_settings({str(tmp_path): 3}) == ()
    os.chown(tmp_path / "closed", 65534, 65534)
    assert [hidden.real for hidden in private_settings({str(tmp_path): 3})] == [f"{tmp_path}/closed"]


def test_a_folder_that_is_not_there_has_nothing_private() -> None:
    assert private_settings({"/no/such/folder": 3}) == ()


def test_folders_and_files_that_could_be_changed_are_the_machines_and_processes_are_not(tmp_path: Path) -> None:
    for name in ("sys", "123"):
        (tmp_path / name).mkdir()
    for name, mode in {"sysrq-trigger": 0o200, "cpuinfo": 0o444}.items():
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(mode)
    (tmp_path / "self").symlink_to("123")
    assert machine_places(str(tmp_path)) == [f"{tmp_path}/sys", f"{tmp_path}/sysrq-trigger"]


def test_the_systems_links_lead_where_they_lead() -> None:
    assert all(Path(name).is_symlink() and str(Path(name).readlink()) == to for name, to in system_links().items())
    assert all(Path(place).exists() for place in system())
