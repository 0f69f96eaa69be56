"""Landlock's rules around hidden places."""

from __future__ import annotations

from pathlib import Path

from gateway.supervisor.sandbox.reach import Grant, Hidden, Reach
from gateway.supervisor.sandbox.splitting import DEVICES, around, rules


def test_a_place_without_anything_hidden_is_given_whole(tmp_path: Path) -> None:
    assert list(around(str(tmp_path), [Hidden("/elsewhere")])) == [str(tmp_path)]


def test_around_a_hidden_place_its_neighbours_are_given(tmp_path: Path) -> None:
    for name in ("a/state/secrets", "a/near", "b"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "state")
    found = list(around(str(tmp_path), [Hidden(str(tmp_path / "a" / "state"))]))
    assert found == [str(tmp_path / name) for name in ("a/near", "b", "file")]


def test_a_folder_that_cannot_be_read_gives_nothing(tmp_path: Path) -> None:
    assert list(around(str(tmp_path / "gone"), [Hidden(str(tmp_path / "gone" / "x"))])) == []


def test_the_order_has_what_is_read_what_is_changed_and_the_devices(tmp_path: Path) -> None:
    data, secret = tmp_path / "state" / "data", tmp_path / "state"
    data.mkdir(parents=True)
    grants = (Grant(str(data), str(data), write=True), Grant("/usr", "/usr"))
    reach = Reach(grants, (Hidden(str(secret)),), str(data), str(data))
    found = rules(reach, offline=False)
    assert (found.read, found.write, found.devices) == (("/proc", "/usr"), (str(data),), DEVICES)
    assert (found.files, found.tcp, rules(reach, offline=True).tcp) == (True, True, False)


def test_terminals_and_shared_memory_are_nobodys() -> None:
    assert not [name for name in DEVICES if name.startswith(("/dev/pts", "/dev/shm", "/dev/ptmx"))]
