"""Folders and files that options name."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.install.bundles.manifest import Manifest, Option
from gateway.install.bundles.places import check_places
from gateway.install.planning.settings import SettingsError


def manifest(kind: str, **more: bool) -> Manifest:
    return Manifest("x", "1", "node", "i.js", "node", options={"p": Option("p", kind, "The place", **more)})


def test_places_that_are_there_are_fine(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert check_places(manifest("directory"), {"p": [str(tmp_path), str(tmp_path)]}, tmp_path / "home") == ()
    assert check_places(manifest("file"), {"p": str(tmp_path / "file")}, tmp_path / "home") == ()
    assert check_places(manifest("string"), {"p": "anything"}, tmp_path / "home") == ()
    assert check_places(manifest("file"), {}, tmp_path / "home") == ()
    assert check_places(manifest("file"), {"p": ""}, tmp_path / "home") == ()
    assert check_places(manifest("file", sensitive=True), {"p": "${secret:p}"}, tmp_path / "home") == ()


def test_folders_of_the_private_home_are_to_be_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert check_places(manifest("directory"), {"p": [f"{home}/Desktop", f"{home}/a/b"]}, home) == ("Desktop", "a/b")


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("directory", "relative", "'The place' must be an absolute path of a folder"),
        ("directory", "~/x", "must be an absolute path"),
        ("directory", "{tmp}/none", "there is no folder"),
        ("directory", "{tmp}/file", "must be a folder"),
        ("directory", "{tmp}/home/../none", "there is no folder"),
        ("file", "{tmp}/none", "there is no file"),
        ("file", "{tmp}", "must be a file"),
        ("file", "/" + "x" * 5000, "there is no file"),
    ],
)
def test_a_place_that_is_not_there_is_named_by_its_title(tmp_path: Path, kind: str, value: str, says: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=says):
        check_places(manifest(kind), {"p": value.replace("{tmp}", str(tmp_path))}, tmp_path / "home")
