"""Files that a person named, whatever they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.daemon.files import MOST_BYTES, read_regular, read_settings
from gateway.errors import ConfigError, GatewayError


def made(folder: Path, kind: str) -> Path:
    """Something of that kind."""
    path = folder / "config.toml"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "endless":
            path.symlink_to("/dev/zero")
        case "terminal":
            path.symlink_to("/dev/tty")
        case "large":
            path.write_bytes(b"#" * (MOST_BYTES + 1))
        case "nowhere":
            path.symlink_to(folder / "not there")
        case "circle":
            path.symlink_to(path)
    return path


@pytest.mark.parametrize("kind", ["fifo", "directory", "endless", "terminal", "large", "nowhere", "circle"])
def test_what_is_no_file_of_settings_is_refused_at_once_and_named(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path, kind)
    with pytest.raises(GatewayError, match=r"cannot read .*config\.toml: .+") as caught:
        read_settings(path)
    assert (caught.value.code, bool(caught.value.fix)) == ("config", True)


def test_a_path_that_is_none_is_refused() -> None:
    with pytest.raises(GatewayError, match="null"):
        read_settings(Path("a\0b"))


def test_bytes_that_are_no_text_are_a_problem_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_settings(tmp_path / "f")


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("é" * (MOST_BYTES // 2))
    assert len(read_regular(str(tmp_path / "f"))) == MOST_BYTES // 2
