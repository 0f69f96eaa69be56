"""Locks made by npm and uv are not taken on trust."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.packages.locks import (
    Component,
    npm_components,
    read_npm_lock,
    read_uploads,
    read_uv_lock,
    uv_components,
)

HASH = "--hash=sha256:" + "a" * 64


def npm(**entries: dict[str, Any]) -> bytes:
    own = {"version": "1.0.0", "integrity": "sha512-x"}
    packages = {"": {"dependencies": {}}, "node_modules/pkg": own} | {
        key.replace("__", "/"): value for key, value in entries.items()
    }
    return json.dumps({"lockfileVersion": 3, "packages": packages}).encode()


def test_a_sound_npm_lock_tells_version_size_and_scripts() -> None:
    lock = read_npm_lock(
        npm(node_modules__dep={"version": "2.0.0", "integrity": "sha512-y", "hasInstallScript": True}), "pkg"
    )
    assert (lock.version, lock.packages, lock.with_scripts) == ("1.0.0", 2, ("dep",))


def test_another_content_makes_another_digest() -> None:
    one = read_npm_lock(npm(), "pkg").digest
    changed = npm().replace(b"sha512-x", b"sha512-z")
    assert (read_npm_lock(npm(), "pkg").digest == one, read_npm_lock(changed, "pkg").digest == one) == (True, False)


def test_an_alias_is_locked_by_its_own_name_and_what_travels_inside_a_package_needs_no_hash() -> None:
    alias = {"version": "2.0.0", "integrity": "sha512-y", "name": "@acme/real"}
    lock = read_npm_lock(npm(node_modules__alias=alias, node_modules__in={"version": "1.0.0", "inBundle": True}), "pkg")
    assert lock.packages == 3


def test_another_package_under_the_name_that_was_asked_for_is_refused() -> None:
    own = {"version": "1.0.0", "integrity": "sha512-x", "name": "evil"}
    with pytest.raises(RefusedByPolicy, match="turned out to be 'evil'"):
        read_npm_lock(npm(node_modules__pkg=own), "pkg")


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"version": "1.0.0"}, "no integrity"),
        ({"version": "1.0.0", "integrity": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="}, "no integrity"),
        ({"version": "1.0.0", "integrity": "sha512-x", "resolved": "git+ssh://git@x.example/y.git"}, "registry"),
        ({"version": "1.0.0", "integrity": "sha512-x", "resolved": "file:../x.tgz"}, "registry"),
        ({"version": "1.0.0", "integrity": "sha512-x", "resolved": "https://x.example/x.tgz"}, "registry"),
        ({"version": "1.0.0", "integrity": "sha512-x", "name": "../x"}, "no package can have"),
        ({"resolved": "../x", "link": True}, "is a folder"),
    ],
)
def test_an_unpinned_dependency_refuses_the_package(entry: dict[str, Any], why: str) -> None:
    with pytest.raises(RefusedByPolicy, match=why):
        read_npm_lock(npm(node_modules__dep=entry), "pkg")


def test_a_local_folder_in_a_lock_is_refused() -> None:
    with pytest.raises(RefusedByPolicy):
        read_npm_lock(npm(elsewhere={"version": "1.0.0", "integrity": "x"}), "pkg")


@pytest.mark.parametrize("data", [b"", b"{}", b'{"packages": {"": {}}}', b'{"packages": []}'])
def test_what_is_no_npm_lock_is_an_install_error(data: bytes) -> None:
    with pytest.raises(InstallError):
        read_npm_lock(data, "pkg")


UV = f"dep==2.0 ; python_version >= '3.11' \\\n    {HASH}\nMy-Pkg==1.0 \\\n    {HASH} \\\n    {HASH}\n# a comment\n"


def test_a_sound_uv_lock_tells_version_and_size() -> None:
    lock = read_uv_lock(UV, "my_pkg", salt="s")
    assert (lock.version, lock.packages) == ("1.0", 2)


def test_python_and_platform_change_the_digest() -> None:
    assert read_uv_lock(UV, "my_pkg", salt="a").digest != read_uv_lock(UV, "my_pkg", salt="b").digest


@pytest.mark.parametrize(
    "line", ["dep==2.0", f"dep>=2.0 {HASH}", f"dep @ https://x.example/d.whl {HASH}", "-e .", "--index-url x"]
)
def test_an_unpinned_requirement_refuses_the_package(line: str) -> None:
    with pytest.raises(RefusedByPolicy, match="not pinned"):
        read_uv_lock(UV + line + "\n", "my_pkg", salt="s")


def test_the_packages_of_an_npm_lock_are_told_with_their_hashes() -> None:
    more = {"version": "2.0.0", "integrity": "sha512-y sha256-z", "name": "real", "hasInstallScript": True}
    assert npm_components(npm(node_modules__alias=more).decode()) == [
        Component("npm", "pkg", "1.0.0", ("sha512-x",)),
        Component("npm", "real", "2.0.0", ("sha512-y", "sha256-z"), "alias", has_scripts=True),
    ]
    assert npm_components("no lock") == []


def test_the_packages_of_a_uv_lock_are_told_with_their_hashes() -> None:
    digest = "sha256:" + "a" * 64
    assert uv_components(UV) == [
        Component("pypi", "dep", "2.0", (digest,)),
        Component("pypi", "my-pkg", "1.0", (digest, digest)),
    ]


def test_upload_times_are_read_and_unknown_ones_stay_unknown() -> None:
    text = """
[[packages]]
name = "a"
version = "1.0"
wheels = [{ url = "u", upload-time = 2026-01-01T00:00:00Z }, { url = "v", upload-time = 2026-01-02T00:00:00Z }]
[[packages]]
name = "b"
version = "2.0"
wheels = [{ url = "w" }]
"""
    assert read_uploads(text) == {"a 1.0": 1_767_312_000.0, "b 2.0": None}
    assert read_uploads("= no toml") == {}
