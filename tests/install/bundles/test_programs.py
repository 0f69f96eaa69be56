"""Programs told by their first bytes."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from gateway.install.bundles.programs import HEAD_BYTES, why_not_runnable


def elf(machine: int, order: str = "little") -> bytes:
    return b"\x7fELF\x02" + (b"\1" if order == "little" else b"\2") + bytes(12) + machine.to_bytes(2, order) + bytes(40)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("head", "system", "arch"),
    [
        (elf(62), "linux", "x86_64"),
        (elf(62), "linux", "AMD64"),
        (elf(183), "linux", "arm64"),
        (elf(40), "linux", "armv7l"),
        (elf(22, "big"), "linux", "s390x"),
        (elf(3), "linux", "x86_64"),
        (elf(62), "linux", ""),
        (b"#!/usr/bin/env node\n", "linux", "x86_64"),
        (b"\xcf\xfa\xed\xfe" + bytes(60), "darwin", "arm64"),
        (b"\xca\xfe\xba\xbe" + bytes(60), "darwin", "x86_64"),
        (b"MZ" + bytes(60), "win32", "AMD64"),
    ],
)
def test_a_program_of_this_machine_may_run(head: bytes, system: str, arch: str) -> None:
    assert why_not_runnable(head, system, arch) is None


@pytest.mark.parametrize(
    ("head", "system", "says"),
    [
        (elf(183), "linux", "for aarch64, this machine is x86_64"),
        (elf(999), "linux", "for machine 999"),
        (elf(62), "darwin", "for linux, this is darwin"),
        (b"MZ" + bytes(60), "linux", "for win32, this is linux"),
        (b"\xfe\xed\xfa\xcf" + bytes(60), "linux", "for darwin, this is linux"),
        (b"\x7fELF\2\1", "linux", "cut off or damaged"),
        (b"\x7fELF\2\7" + bytes(60), "linux", "cut off or damaged"),
        (b"", "linux", "not a program"),
        (b"#!/bin/sh", "win32", "a script"),
    ],
)
def test_a_program_of_another_machine_is_told_with_the_reason(head: bytes, system: str, says: str) -> None:
    assert says in (why_not_runnable(head, system, "x86_64") or "")


def test_our_own_interpreter_is_a_program_of_this_machine() -> None:
    with Path(sys.executable).resolve().open("rb") as file:
        assert why_not_runnable(file.read(HEAD_BYTES), sys.platform, platform.machine()) is None
