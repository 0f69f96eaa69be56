"""Locks made by npm and uv are not taken on trust."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.packages.locks import read_npm_lock, read_uv_lock

HASH = "--hash=sha256:" + "a" * 64


def npm(**entries: dict[str, Any]) -> bytes:
    own = {"version": "1.0.0", "integrity": "sha512-x", "resolved": "https://r.example/pkg.tgz"}
    packages = {"": {"dependencies": {}}, "node_modules/pkg": own} | {
        key.replace("__", "/"): value for key, value in entries.items()
    }
    return json.dumps({"lockfileVersion": 3, "packages": packages}).encode()


def test_a_sound_npm_lock_tells_version_size_and_scripts() -> None:
    lock = read_npm_lock(
        npm(node_modules__dep={"version": "2.0.0", "integrity": "sha512-y", "hasInstallScript": True}), "pkg"
    )
    assert (lock.version, lock.packages, lock.with_scripts) == ("1.0.0", 2, ("dep",))


def test_the_mirror_does_not_change_the_digest_but_a_hash_does() -> None:
    one = read_npm_lock(npm(), "pkg").digest
    mirrored = npm().replace(b"r.example", b"mirror.example")
    changed = npm().replace(b"sha512-x", b"sha512-z")
    assert (read_npm_lock(mirrored, "pkg").digest == one, read_npm_lock(changed, "pkg").digest == one) == (True, False)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"version": "1.0.0"}, "no integrity"),
        (
            {"version": "1.0.0", "integrity": "x", "resolved": "git+ssh://git@x.example/y.git"},
            "not come from a registry",
        ),
        ({"version": "1.0.0", "integrity": "x", "resolved": "file:../x.tgz"}, "not come from a registry"),
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
