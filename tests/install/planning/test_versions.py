"""Versions made comparable."""

from __future__ import annotations

import pytest

from gateway.install.planning.versions import program_version, semver_key


def test_semantic_versions_are_ordered_by_number_not_by_text() -> None:
    versions = ["1.10.0", "1.9.9", "2.0.0", "1.2.3"]
    assert sorted(versions, key=semver_key) == ["1.2.3", "1.9.9", "1.10.0", "2.0.0"]  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["1.2", "latest", "v1.2.3", "1.2.3.4", ""])
def test_what_is_no_semantic_version_has_no_key(text: str) -> None:
    assert semver_key(text) is None


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("v20.20.2\n", (20, 20, 2)),
        ("uv 0.13.9 (x86)", (0, 13, 9)),
        ("git version 2.39.5", (2, 39, 5)),
        ("Python 3.11", (3, 11, 0)),
        ("no", None),
    ],
)
def test_a_programs_version_is_found_in_what_it_prints(output: str, version: tuple[int, int, int] | None) -> None:
    assert program_version(output) == version
