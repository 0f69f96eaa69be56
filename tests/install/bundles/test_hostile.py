"""Hostile bundles, through the whole installer: the refusal, what to do, and that nothing was written anywhere else."""

from __future__ import annotations

import json
import stat
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.clock import SystemClock
from gateway.errors import GatewayError, InstallError, RefusedByPolicy
from gateway.install.bundles.extractor import extract, inspect
from gateway.install.installer import Installer
from gateway.install.planning.plan import make_plan
from gateway.install.planning.references import parse_reference
from tests.install.bundles.raw import Member, put, signature, zip_of
from tests.install.values import MACHINE, RULES
from tests.install.zips import manifest

FOUND = Member(b"manifest.json", json.dumps(manifest()).encode())
SERVER = Member(b"server/index.js", b"run()")


class NoNetwork:
    """A bundle file needs no network; whoever asks for it all the same is wrong."""

    async def fetch(self, url: str, **_: Any) -> str:
        raise AssertionError(url)


def with_entry(**changes: Any) -> bytes:
    return zip_of([FOUND, SERVER, replace(Member(b"evil"), **changes)])


def kind(mode: int) -> bytes:
    return with_entry(mode=mode | 0o777, content=b"/etc/passwd")


def _too_large() -> bytes:
    """600 MiB by its directory's words, every entry within the ratio."""
    block = Member(b"x", bytes(range(256)) * 256)
    members = [replace(block, name=f"{number}".encode(), size=6_000_000) for number in range(110)]
    return zip_of([FOUND, SERVER, *members])


HOSTILE: dict[str, Callable[[], bytes]] = {
    "no zip": lambda: b"MZ not a zip",
    "absolute path": lambda: with_entry(name=b"/tmp/evil"),
    "dot dot": lambda: with_entry(name=b"../evil"),
    "dot dot deep": lambda: with_entry(name=b"a/../../../evil"),
    "backslash": lambda: with_entry(name=b"..\\evil"),
    "drive": lambda: with_entry(name=b"C:/evil"),
    "nul in the name": lambda: with_entry(name=b"evil\0.txt"),
    "control character": lambda: with_entry(name=b"evil\x1b[2J"),
    "right to left": lambda: with_entry(name="evil\u202e".encode(), flags=0x800),
    "overlong name": lambda: with_entry(name=b"e" * 501),
    "overlong part": lambda: with_entry(name=b"e" * 300),
    "symbolic link": lambda: kind(stat.S_IFLNK),
    "hard link": lambda: with_entry(extra=struct.pack("<2H12s11s", 0x0D, 23, b"", b"/etc/passwd")),
    "character device": lambda: kind(stat.S_IFCHR),
    "block device": lambda: kind(stat.S_IFBLK),
    "pipe": lambda: kind(stat.S_IFIFO),
    "socket": lambda: kind(stat.S_IFSOCK),
    "setuid": lambda: kind(stat.S_IFREG | stat.S_ISUID),
    "setgid": lambda: kind(stat.S_IFREG | stat.S_ISGID),
    "same name": lambda: zip_of([FOUND, SERVER, SERVER]),
    "same name but for case": lambda: with_entry(name=b"Server/Index.JS"),
    "file and folder": lambda: with_entry(name=b"server"),
    "two manifests": lambda: zip_of([FOUND, FOUND, SERVER]),
    "two manifests but for case": lambda: with_entry(name=b"MANIFEST.json"),
    "no manifest": lambda: zip_of([SERVER]),
    "huge manifest": lambda: zip_of([replace(FOUND, content=b" " * (1024 * 1024 + 1), method=0), SERVER]),
    "deep manifest": lambda: zip_of([replace(FOUND, content=b"[" * 9000 + b"]" * 9000), SERVER]),
    "encrypted": lambda: with_entry(flags=1),
    "unsupported method": lambda: with_entry(method=12),
    "zip64": lambda: with_entry(extra=struct.pack("<2HQ", 1, 8, 1)),
    "quoted overlap": lambda: with_entry(offset=0, name=FOUND.name, content=FOUND.content),
    "hidden bytes": lambda: zip_of([FOUND, SERVER], hidden=b"hidden"),
    "data in front": lambda: zip_of([FOUND, SERVER], before=b"#!/bin/sh\n"),
    "data behind": lambda: zip_of([FOUND, SERVER]) + b"more",
    "second directory": lambda: zip_of([FOUND, SERVER]) + zip_of([FOUND, Member(b"evil")]),
    "false signature block": lambda: zip_of([FOUND, SERVER]) + signature(said=1),
    "bomb": lambda: with_entry(content=b"\0" * 10_000_000),
    "bomb that lies": lambda: with_entry(content=b"\0" * 10_000_000, size=100),
    "too large in all": _too_large,
    "too many entries": lambda: zip_of([Member(str(number).encode(), b"", method=0) for number in range(10_001)]),
}


def everything_below(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.lstat().st_mode for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("attack", HOSTILE)
async def test_a_hostile_bundle_is_refused_with_a_way_out_and_writes_nothing(tmp_path: Path, attack: str) -> None:
    state, outside = tmp_path / "deep" / "state", tmp_path / "deep" / "outside"
    outside.mkdir(parents=True)
    archive = put(outside / "evil.mcpb", HOSTILE[attack]())
    installer = Installer(state, NoNetwork(), SystemClock(), environ={}, machine=MACHINE)
    plan = make_plan(
        parse_reference(f"mcpb:{archive}"), name="thing", settings={}, machine=MACHINE, rules=RULES, now=0.0
    )
    installer.store.prepare()
    before = everything_below(tmp_path)
    with pytest.raises((InstallError, RefusedByPolicy)) as caught:
        async with installer.working(plan.name):
            await installer.fetch(plan)
    assert caught.value.fix
    assert everything_below(tmp_path) == before


SOUND = zip_of([FOUND, SERVER, Member(b"bin/run", bytes(range(256)), method=0, mode=stat.S_IFREG | 0o755)])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.binary(min_size=1, max_size=4)), max_size=8),
    cut=st.integers(0, 40),
    more=st.binary(max_size=8),
)
def test_a_mutated_bundle_never_escapes_and_fails_in_our_own_words_only(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, bytes]], cut: int, more: bytes
) -> None:
    data = bytearray(SOUND)
    for place, value in changes:
        data[place : place + len(value)] = value
    place = tmp_path_factory.mktemp("fuzz")
    archive = put(place / "b.zip", bytes(data[: len(data) - cut]) + more)
    refusals: list[GatewayError] = []
    try:
        inspect(archive, {"manifest.json": 10_000})
        extract(archive, place / "out")
    except InstallError as refusal:
        refusals.append(refusal)
    assert all(refusal.fix for refusal in refusals)
    assert {path.name for path in place.iterdir()} <= {"b.zip", "out"}
    assert not [path for path in place.rglob("*") if path.is_symlink() or path.lstat().st_mode & 0o6000]
